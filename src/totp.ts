/**
 * Time-based one-time passwords (RFC 6238, over the HOTP of RFC 4226): SHA-1, six digits, steps of thirty seconds, which
 * is what every authenticator app can do. Twenty lines over the platform's HMAC rather than a library: nothing in them
 * will ever change, and the RFC's test vectors are in the tests.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const STEP_SECONDS = 30;
/** As long as a SHA-1 hash (RFC 4226 §4, R6 recommends it). */
const SECRET_BYTES = 20;
export const TOTP_DIGITS = 6;

export const newTotpSecret = (): Uint8Array => randomBytes(SECRET_BYTES);

/** The step of a moment: how many times thirty seconds have passed since 1970. */
export const stepAt = (milliseconds: number): number => Math.floor(milliseconds / 1000 / STEP_SECONDS);

/** The password of a counter (RFC 4226 §5.3), with leading zeros. */
export function hotp(secret: Uint8Array, counter: number, digits = TOTP_DIGITS): string {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(counter));
  const mac = createHmac("sha1", secret).update(message).digest();
  const offset = mac.readUInt8(mac.byteLength - 1) & 0x0f;
  const truncated = mac.readUInt32BE(offset) & 0x7f_ff_ff_ff;
  return String(truncated % 10 ** digits).padStart(digits, "0");
}

/**
 * The step whose password this is, of the one now and its two neighbours (RFC 6238 §5.2: clocks differ, people type
 * slowly), or null. All three are looked at whichever fits: how long it takes tells nothing.
 */
export function matchingStep(secret: Uint8Array, code: string, milliseconds: number): number | null {
  if (!/^[0-9]{6}$/.test(code)) return null;
  const given = Buffer.from(code);
  const now = stepAt(milliseconds);
  const fitting = [now - 1, now, now + 1].filter((step) =>
    timingSafeEqual(Buffer.from(hotp(secret, step)), given),
  );
  return fitting.at(-1) ?? null;
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** RFC 4648 §6, without padding, as authenticator apps take a secret that is typed. */
export function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => BASE32[Number.parseInt(group.padEnd(5, "0"), 2)]).join("");
}

/** What an authenticator app reads from a QR code. `issuer` and `account` are shown to the person. */
export function otpauthUri(
  secret: Uint8Array,
  { issuer, account }: { issuer: string; account: string },
): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`;
  return `otpauth://totp/${label}?secret=${base32(secret)}&issuer=${encodeURIComponent(issuer)}&algorithm=SHA1&digits=${TOTP_DIGITS}&period=${STEP_SECONDS}`;
}
