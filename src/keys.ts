/**
 * Everything derived from the secret. Each purpose has its own key (HKDF, RFC 5869), so that a value made for one
 * purpose is never accepted for another. The first secret signs, all of them verify: that is how one is rotated.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  randomBytes,
  sign,
  timingSafeEqual,
  verify,
} from "node:crypto";

export type Purpose =
  | "audit"
  | "token"
  | "api-key"
  | "pepper"
  | "guard"
  | "device"
  | "cursor"
  | "idempotency"
  | "cache"
  | "setup-code"
  | "sign-up-code"
  | "sign-up-network"
  | "challenge"
  | "refresh"
  | "second-factor"
  | "recovery-code"
  | "mail"
  | "mail-address"
  | "link"
  | "file";

export interface Keys {
  /** Names the first secret without telling it. */
  readonly id: string;
  readonly ids: readonly string[];
  /** HMAC-SHA-256 with the key of the first secret. 32 bytes. */
  mac(purpose: Purpose, ...parts: readonly (string | Uint8Array)[]): Uint8Array;
  /** The same with every secret, first one first: a stored value is looked for under each. */
  macs(purpose: Purpose, ...parts: readonly (string | Uint8Array)[]): readonly Uint8Array[];
  /** The same under the secret with this id, or null when it is no longer configured. */
  macBy(id: string, purpose: Purpose, ...parts: readonly (string | Uint8Array)[]): Uint8Array | null;
  /** `payload.mac`, base64url; for cursors and device tokens. */
  sign(purpose: Purpose, payload: string): string;
  /** The payload of what `sign` made, or null. */
  verify(purpose: Purpose, signed: string): string | null;
  /**
   * What only this purpose and this context (the row it lies in) can open again: AES-256-GCM under the first secret, as
   * nonce, tag and text.
   */
  seal(purpose: Purpose, context: string, plain: Uint8Array): Uint8Array;
  /** What `seal` was given, under whichever secret, or null. */
  unseal(purpose: Purpose, context: string, sealed: Uint8Array): Uint8Array | null;
  /** Signs for who holds no secret: Ed25519 (RFC 8032) under the first one. */
  attest(message: string): Attestation;
  /** Those of `attest`, of every secret, first one first. */
  readonly publicKeys: readonly string[];
}

/** Raw bytes in base64url: 32 of the key, 64 of the signature. */
export type Attestation = {
  readonly publicKey: string;
  readonly signature: string;
};

const NONCE = 12;
const TAG = 16;
/** What stands before the 32 bytes of an Ed25519 key, private (PKCS #8) and public (SPKI): RFC 8410 §7, §4. */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

/** Makes the keys. `secrets` must hold at least one of at least 32 characters. */
export function openKeys(secrets: readonly string[]): Keys {
  const entries = secrets.map((secret) => ({ id: idOf(secret), keys: new Map<Purpose, Buffer>(), secret }));
  const [first] = entries;
  if (first === undefined) throw new Error("openKeys needs at least one secret");
  const keyOf = (entry: (typeof entries)[number], purpose: Purpose): Buffer => {
    const known = entry.keys.get(purpose);
    if (known !== undefined) return known;
    const made = Buffer.from(hkdfSync("sha256", entry.secret, "satchel", purpose, 32));
    entry.keys.set(purpose, made);
    return made;
  };
  const macWith = (
    entry: (typeof entries)[number],
    purpose: Purpose,
    parts: readonly (string | Uint8Array)[],
  ) => {
    const hmac = createHmac("sha256", keyOf(entry, purpose));
    for (const part of parts) {
      const bytes = typeof part === "string" ? Buffer.from(part, "utf8") : part;
      // The length goes first: ("ab","c") and ("a","bc") must differ.
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.byteLength);
      hmac.update(length).update(bytes);
    }
    return hmac.digest();
  };
  const signWith = (entry: (typeof entries)[number], purpose: Purpose, payload: string): string => {
    const mac = macWith(entry, purpose, [payload]).subarray(0, 16);
    return `${Buffer.from(payload, "utf8").toString("base64url")}.${mac.toString("base64url")}`;
  };
  const privateKeyOf = (entry: (typeof entries)[number]) =>
    createPrivateKey({ key: Buffer.concat([PKCS8, keyOf(entry, "audit")]), format: "der", type: "pkcs8" });
  const publicKeys = entries.map((entry) =>
    createPublicKey(privateKeyOf(entry))
      .export({ format: "der", type: "spki" })
      .subarray(SPKI.length)
      .toString("base64url"),
  );
  const signingKey = privateKeyOf(first);
  const [publicKey = ""] = publicKeys;
  return {
    id: first.id,
    ids: entries.map(({ id }) => id),
    mac: (purpose, ...parts) => macWith(first, purpose, parts),
    macs: (purpose, ...parts) => entries.map((entry) => macWith(entry, purpose, parts)),
    macBy: (id, purpose, ...parts) => {
      const entry = entries.find((candidate) => candidate.id === id);
      return entry === undefined ? null : macWith(entry, purpose, parts);
    },
    sign: (purpose, payload) => signWith(first, purpose, payload),
    verify: (purpose, signed) => {
      const payload = Buffer.from(signed.split(".")[0] ?? "", "base64url").toString("utf8");
      // The whole text is compared: base64url has several spellings of the same bytes, and only one was signed.
      const given = Buffer.from(signed, "utf8");
      const matches = entries.some((entry) =>
        equal(Buffer.from(signWith(entry, purpose, payload), "utf8"), given),
      );
      return matches ? payload : null;
    },
    seal: (purpose, context, plain) => {
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv("aes-256-gcm", keyOf(first, purpose), nonce).setAAD(Buffer.from(context));
      const text = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]);
    },
    unseal: (purpose, context, sealed) => {
      if (sealed.byteLength < NONCE + TAG) return null;
      for (const entry of entries) {
        const decipher = createDecipheriv("aes-256-gcm", keyOf(entry, purpose), sealed.subarray(0, NONCE))
          .setAAD(Buffer.from(context))
          .setAuthTag(sealed.subarray(NONCE, NONCE + TAG));
        try {
          return Buffer.concat([decipher.update(sealed.subarray(NONCE + TAG)), decipher.final()]);
        } catch {
          // Sealed under another of the secrets, for another row, or not here.
        }
      }
      return null;
    },
    attest: (message) => ({
      publicKey,
      signature: sign(null, Buffer.from(message, "utf8"), signingKey).toString("base64url"),
    }),
    publicKeys,
  };
}

/** Whether the holder of that key has signed this. Whether to trust the key is another question. */
export function isAttested(message: string, { publicKey, signature }: Attestation): boolean {
  const [raw, signed] = [publicKey, signature].map((text) => Buffer.from(text, "base64url"));
  if (raw === undefined || signed === undefined || raw.byteLength !== 32) return false;
  // base64url has several spellings of the same bytes, and only one was written.
  if (raw.toString("base64url") !== publicKey || signed.toString("base64url") !== signature) return false;
  const key = createPublicKey({ key: Buffer.concat([SPKI, raw]), format: "der", type: "spki" });
  return verify(null, Buffer.from(message, "utf8"), key, signed);
}

/** A new secret: 48 random bytes, base64url. */
export function newSecret(): string {
  return randomBytes(48).toString("base64url");
}

function idOf(secret: string): string {
  return createHash("sha256").update("satchel key id").update(secret).digest("hex").slice(0, 12);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}
