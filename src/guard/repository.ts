/** Rows of the guard, in and out. */
import * as sql from "#sql/guard";
import type { TenantTx } from "../../sql/tx.ts";

/** One bucket of the guard: who is tried at a door, as seen from unknown clients, or from one known device. */
export interface Bucket {
  readonly organizationId: string;
  /** 32 bytes; a keyed hash of the person, or of what was tried when it is nobody's. */
  readonly guardKey: Uint8Array;
  /** Empty, or the 16 bytes of the id of a device or session. */
  readonly bucket: Uint8Array;
}

export interface NewAttempt {
  readonly door: string;
  readonly userId: string | null;
  readonly ip: string | null;
  /** Failures in a row that lock. */
  readonly attemptsAllowed: number;
  /** How long the first lock lasts, the second, and so on; the last holds for all further ones. */
  readonly lockMinutes: readonly number[];
}

/** After so many failures in a row, over all locks, time alone does not unlock any more (NIST SP 800-63B-4 §3.2.2). */
const ATTEMPTS_TOTAL = 100;

/** Whether the bucket is locked, and whether attempts that found it so are due to be noted. */
export async function findLock(tx: TenantTx, bucket: Bucket) {
  return (await sql.findLock(tx, bucket)) ?? { locked: false, due: false };
}

/** Whether they were noted: within a minute of the last it is too soon. */
export async function noteTurnedAway(tx: TenantTx, bucket: Bucket, attempts: number): Promise<boolean> {
  return (await sql.updateTurnedAway(tx, { ...bucket, attempts })) > 0;
}

/** Counts one attempt as failed; null when the bucket is locked. */
export const reserveAttempt = (tx: TenantTx, bucket: Bucket, attempt: NewAttempt) =>
  sql.upsertAttempt(tx, { ...bucket, ...attempt, attemptsTotal: ATTEMPTS_TOTAL });

export const forgiveAttempts = (tx: TenantTx, bucket: Bucket, sequence: number, attemptsAllowed: number) =>
  sql.updateAttemptsForgiven(tx, { ...bucket, sequence, attemptsAllowed });

/** Gives back an attempt whose secret was never looked at. */
export const returnAttempt = (tx: TenantTx, bucket: Bucket, sequence: number, attemptsAllowed: number) =>
  sql.updateAttemptReturned(tx, { ...bucket, sequence, attemptsAllowed });

/** Forgets every attempt at a person, at all doors. */
export const deleteGuards = (tx: TenantTx, organizationId: string, userId: string) =>
  sql.deleteGuards(tx, { organizationId, userId });

export const lockGuard = (tx: TenantTx, bucket: Bucket) => sql.lockGuard(tx, bucket);

export const endExpiredLock = (tx: TenantTx, bucket: Bucket, attemptsAllowed: number) =>
  sql.updateLockExpired(tx, { ...bucket, attemptsAllowed });

export const pruneGuards = (tx: TenantTx, organizationId: string, limit: number) =>
  sql.pruneGuards(tx, { organizationId, limit });
