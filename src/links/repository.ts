/** Rows of links, in and out. */
import * as sql from "#sql/links";
import type { TenantTx } from "../../sql/tx.ts";
import type { Role } from "../actor.ts";

export type LinkKind = "verification" | "invitation" | "reset" | "email_change";

/** A person as far as links go. */
export interface Person {
  readonly userId: string;
  readonly username: string;
  readonly email: string | null;
  readonly emailVerifiedAt: Date | null;
  readonly status: "active" | "inactive" | "suspended" | "pending";
  readonly hasPassword: boolean;
}

/** A link that a token leads to, open or not. */
export interface FoundLink {
  readonly linkId: string;
  readonly userId: string;
  readonly open: boolean;
  /** A request that is repeated may still be answered as the first time. */
  readonly usedLately: boolean;
  readonly role: Role;
  readonly username: string;
  readonly fullName: string;
  readonly email: string | null;
  readonly passwordHash: string | null;
  readonly pepperKeyId: string | null;
}

/** Null when there is no such organization. */
export const findOrganization = (tx: TenantTx, organizationId: string) =>
  sql.findOrganization(tx, { organizationId });

export async function findUserId(
  tx: TenantTx,
  organizationId: string,
  login: string,
): Promise<string | null> {
  return (await sql.findPerson(tx, { organizationId, login }))?.userId ?? null;
}

export const lockPerson = (tx: TenantTx, organizationId: string, userId: string): Promise<Person | null> =>
  sql.lockPerson(tx, { organizationId, userId });

/** Links of the last hour: of a kind to a person, and of any kind asked for from the network of an address. */
export const recent = (
  tx: TenantTx,
  organizationId: string,
  userId: string,
  kind: LinkKind,
  ip: string | null,
) => sql.getRecent(tx, { organizationId, userId, kind, ip });

export interface NewLink {
  readonly kind: LinkKind;
  readonly userId: string;
  readonly tokenHash: Uint8Array;
  readonly email: string;
  readonly ip: string | null;
  /** Of the person who asked for themselves. */
  readonly sessionId?: string | null;
  readonly mailed: boolean;
  readonly lifetimeMinutes: number;
}

/** Links of the last hour to confirm this address. */
export const countToAddress = (tx: TenantTx, organizationId: string, email: string): Promise<number> =>
  sql.countToAddress(tx, { organizationId, email });

/** The address that somebody without one gave when they signed up, or null. */
export const findAddressGiven = async (
  tx: TenantTx,
  organizationId: string,
  userId: string,
): Promise<string | null> => (await sql.findAddressGiven(tx, { organizationId, userId }))?.email ?? null;

/** Gives when it expires. */
export async function insert(tx: TenantTx, organizationId: string, link: NewLink): Promise<Date> {
  const row = await sql.insertLink(tx, {
    organizationId,
    linkId: Bun.randomUUIDv7(),
    sessionId: null,
    ...link,
  });
  return row.expiresAt;
}

export const end = (tx: TenantTx, organizationId: string, userIds: readonly string[], kind: LinkKind) =>
  sql.updateEnded(tx, { organizationId, userIds, kind });

/** Those who can be invited, and were mailed fewer than `most` invitations within the last hour. */
export const lockInvitable = (
  tx: TenantTx,
  organizationId: string,
  userIds: readonly string[],
  most: number,
) => sql.lockInvitable(tx, { organizationId, userIds, most });

/** Stores links of one kind, and gives when they expire. */
export async function insertAll(
  tx: TenantTx,
  organizationId: string,
  kind: LinkKind,
  lifetimeMinutes: number,
  links: readonly Pick<NewLink, "userId" | "tokenHash" | "email">[],
): Promise<Date | undefined> {
  const [first] = await sql.insertLinks(tx, {
    organizationId,
    kind,
    lifetimeMinutes,
    links: links.map(({ userId, tokenHash, email }) => ({
      link_id: Bun.randomUUIDv7(),
      user_id: userId,
      token_hash: Buffer.from(tokenHash).toString("hex"),
      email,
    })),
  });
  return first?.expiresAt;
}

export const find = (
  tx: TenantTx,
  organizationId: string,
  kind: LinkKind,
  tokenHashes: readonly Uint8Array[],
): Promise<FoundLink | null> => sql.findLink(tx, { organizationId, kind, tokenHashes });

/** The address that the link is for, whether it was mailed there, and the session that asked for it; null when it is no longer open. */
export const claim = (tx: TenantTx, organizationId: string, linkId: string) =>
  sql.claimLink(tx, { organizationId, linkId });

export const verifyEmail = (tx: TenantTx, organizationId: string, userId: string) =>
  sql.updateEmailVerified(tx, { organizationId, userId });

export const setEmail = (tx: TenantTx, organizationId: string, userId: string, email: string) =>
  sql.updateEmail(tx, { organizationId, userId, email });

export const forgetAddress = (tx: TenantTx, organizationId: string, userId: string) =>
  sql.deleteToPerson(tx, { organizationId, userId });

export const prune = (tx: TenantTx, organizationId: string, limit: number): Promise<number> =>
  sql.pruneLinks(tx, { organizationId, limit });
