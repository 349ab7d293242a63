/**
 * A POST repeated with the same Idempotency-Key takes effect once and is answered alike.
 *
 * The row goes in first, in the effect's own transaction: of two equal requests the second waits for the first one's
 * row, on whatever node it runs, and then finds the answer, which was stored before the commit. A request that is
 * refused rolls its row back with everything else, so it is looked at again when repeated: only effects are kept.
 *
 * Answers may hold tokens. They are encrypted under a key derived from the secret and from the caller's own key, of
 * which only a hash is stored: the table alone tells nothing, and neither does the table together with the secret.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { TenantTx } from "../../sql/tx.ts";
import type { Around } from "../actor.ts";
import { refusal } from "../errors.ts";
import type { Keys } from "../keys.ts";
import * as repository from "./repository.ts";

export const keyReused = refusal(
  "invalid",
  "idempotency_key_reused",
  "This Idempotency-Key was used for another request",
);
export const keyInUse = refusal(
  "conflict",
  "idempotency_key_in_use",
  "The first request with this Idempotency-Key is still under way",
);

/** How long an answer is kept, in hours. */
export const KEPT_HOURS = 24;

export interface Kept {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
  readonly body: string | null;
}

/** One request that carries a key. */
export interface Claim {
  readonly keyHash: Uint8Array;
  /** Of the body, under every configured secret: the first one is stored, each is accepted. */
  readonly requestHashes: readonly Uint8Array[];
  readonly encryptionKeys: readonly Uint8Array[];
}

/** Thrown out of the transaction, which has nothing to commit: the answer is already known. */
export class Replay extends Error {
  readonly kept: Kept;
  constructor(kept: Kept) {
    super("answered before");
    this.kept = kept;
  }
}

/**
 * What a request claims. `scope` says whose key it is (user or nobody, method, path): equal keys of different scopes
 * do not meet. `key` is the header, `body` its bytes as they came.
 */
export function claim(keys: Keys, scope: readonly string[], key: string, body: Uint8Array): Claim {
  const whole = [...scope, key].map((part) => `${Buffer.byteLength(part)}:${part}`).join("");
  return {
    keyHash: createHash("sha256").update(whole).digest(),
    requestHashes: keys.macs("idempotency", "request", body),
    encryptionKeys: keys.macs("idempotency", "answer", whole),
  };
}

/** A UUID (version 8) that is the same for equal claims. */
export function idOf(keys: Keys, { keyHash }: Claim): string {
  const bytes = Buffer.from(keys.mac("idempotency", "id", keyHash).subarray(0, 16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/**
 * Wraps the transaction of a claimed request. `answerOf` turns the transaction's result into the answer to keep.
 * Throws `Replay` when the request was answered before. Refuses with `idempotency_key_reused` when the key came with
 * another body, and with `idempotency_key_in_use` when the first request holds the row for longer than a lock is
 * waited for.
 */
export function around(claimed: Claim, answerOf: (result: unknown) => Kept): Around {
  return async (tx, run) => {
    const [requestHash] = claimed.requestHashes;
    if (requestHash === undefined) throw new Error("a claim without a secret");
    const { keyHash } = claimed;
    const inserted = await repository.insert(tx, { keyHash, requestHash }).catch((error: unknown) => {
      throw lockTimedOut(error) ? keyInUse({ retryAfter: 1 }) : error;
    });
    if (!inserted) {
      const row = await repository.get(tx, keyHash);
      const same = claimed.requestHashes.some((hash) => timingSafeEqual(hash, row.requestHash));
      if (!same) throw keyReused();
      if (row.answer === null) throw new Error("an idempotency row was committed without its answer");
      throw new Replay(open(claimed, row.answer));
    }
    const result = await run();
    await repository.keep(tx, keyHash, seal(claimed, answerOf(result)));
    return result;
  };
}

/** Removes an organization's answers that are older than a day, at most `limit`. How many there were. */
export function prune(
  tx: TenantTx,
  params: { readonly organizationId: string; readonly limit: number },
): Promise<number> {
  return repository.prune(tx, { ...params, hours: KEPT_HOURS });
}

const IV = 12;
const TAG = 16;

function seal({ encryptionKeys, keyHash }: Claim, kept: Kept): Uint8Array {
  const [key] = encryptionKeys;
  if (key === undefined) throw new Error("a claim without a secret");
  const iv = randomBytes(IV);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(keyHash);
  const text = Buffer.concat([cipher.update(JSON.stringify(kept), "utf8"), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), text]);
}

function open({ encryptionKeys, keyHash }: Claim, sealed: Uint8Array): Kept {
  for (const key of encryptionKeys) {
    const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, IV))
      .setAAD(keyHash)
      .setAuthTag(sealed.subarray(IV, IV + TAG));
    try {
      const text = Buffer.concat([decipher.update(sealed.subarray(IV + TAG)), decipher.final()]);
      return JSON.parse(text.toString("utf8")) as Kept;
    } catch {
      // Sealed under another of the secrets.
    }
  }
  throw new Error("a kept answer cannot be opened with any configured secret");
}

/** PostgreSQL's `lock_not_available`; inside a transaction errors are still its own. */
function lockTimedOut(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "55P03";
}
