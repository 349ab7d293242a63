/**
 * Secrets that somebody carries: 256 random bits, and before them the organization, so that the look-up runs under its
 * policy (who invents another organization only moves the look-up to where the token is not). What kind of secret it is
 * stands in front: readable for people and for scanners of leaked secrets, and one kind is never taken for another.
 */
import { randomBytes } from "node:crypto";

/** `session` is what `Authorization: Bearer` takes; its tokens carry no word of their own. */
export type TokenKind = "session" | "api_key" | "refresh" | "challenge" | "link";

const PREFIXES: Readonly<Record<TokenKind, string>> = {
  session: "satchel_",
  api_key: "satchel_key_",
  refresh: "satchel_refresh_",
  challenge: "satchel_challenge_",
  link: "satchel_link_",
};

const BODY = /^[A-Za-z0-9_-]{64}$/;

/** Length of the longest token, in characters. */
export const TOKEN_LENGTH = Math.max(...Object.values(PREFIXES).map((prefix) => prefix.length)) + 64;

/** A new token. Only a keyed hash of it is to be stored. */
export function newToken(kind: TokenKind, organizationId: string): string {
  const bytes = Buffer.concat([uuidBytes(organizationId), randomBytes(32)]);
  return `${PREFIXES[kind]}${bytes.toString("base64url")}`;
}

/** The organization that a token of this kind names, or null when it has not that form. Proves nothing. */
export function organizationOf(kind: TokenKind, token: string): string | null {
  if (!token.startsWith(PREFIXES[kind])) return null;
  const body = token.slice(PREFIXES[kind].length);
  return BODY.test(body) ? uuidText(Buffer.from(body, "base64url").subarray(0, 16)) : null;
}

const uuidBytes = (uuid: string): Uint8Array => Buffer.from(uuid.replaceAll("-", ""), "hex");

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
