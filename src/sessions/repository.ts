/** Rows of sessions and of the guard before them, in and out. */
import * as sql from "#sql/sessions";
import type { SystemTx, TenantTx } from "../../sql/tx.ts";
import type { Role } from "../actor.ts";

/** A live session as its owner sees it. */
export interface Session {
  readonly id: string;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly deviceType: "desktop" | "mobile" | "tablet" | "bot" | "unknown";
  readonly createdAt: Date;
  readonly lastActiveAt: Date;
  readonly expiresAt: Date;
}

/** One bucket of the guard: a login as seen from unknown clients, or from one known device. */
export interface Bucket {
  readonly organizationId: string;
  /** 32 bytes; a keyed hash of the person, or of the login when it is nobody's. */
  readonly guardKey: Uint8Array;
  /** Empty, or the 16 bytes of a device's id. */
  readonly bucket: Uint8Array;
}

export interface GuardLimits {
  /** Failures in a row that lock. */
  readonly attemptsAllowed: number;
  readonly lockMinutes: number;
}

/** After so many failures in a row, over all locks, time alone does not unlock any more (NIST SP 800-63B-4 §3.2.2). */
const ATTEMPTS_TOTAL = 100;

export const findOrganization = (tx: SystemTx, slug: string) => sql.findOrganization(tx, { slug });

export const findCredential = (tx: TenantTx, organizationId: string, login: string) =>
  sql.findCredential(tx, { organizationId, login });

export const findPassword = (tx: TenantTx, organizationId: string, userId: string) =>
  sql.findPassword(tx, { organizationId, userId });

export async function isLocked(tx: TenantTx, bucket: Bucket): Promise<boolean> {
  return (await sql.findLock(tx, bucket))?.locked ?? false;
}

/** Counts one attempt as failed; null when the bucket is locked. */
export const reserveAttempt = (tx: TenantTx, bucket: Bucket, userId: string | null, limits: GuardLimits) =>
  sql.upsertAttempt(tx, { ...bucket, userId, ...limits, attemptsTotal: ATTEMPTS_TOTAL });

export const forgiveAttempts = (tx: TenantTx, bucket: Bucket, sequence: number, attemptsAllowed: number) =>
  sql.updateAttemptsForgiven(tx, { ...bucket, sequence, attemptsAllowed });

/** Gives back an attempt whose password was never looked at. */
export const returnAttempt = (tx: TenantTx, bucket: Bucket, sequence: number, attemptsAllowed: number) =>
  sql.updateAttemptReturned(tx, { ...bucket, sequence, attemptsAllowed });

/** Forgets every attempt at a person's logins. */
export const deleteGuards = (tx: TenantTx, organizationId: string, userId: string) =>
  sql.deleteGuards(tx, { organizationId, userId });

export const lockGuard = (tx: TenantTx, bucket: Bucket) => sql.lockGuard(tx, bucket);

export const endExpiredLock = (tx: TenantTx, bucket: Bucket) => sql.updateLockExpired(tx, bucket);

export const pruneGuards = (tx: TenantTx, organizationId: string, limit: number) =>
  sql.pruneGuards(tx, { organizationId, limit });

export interface NewSession {
  readonly userId: string;
  readonly tokenHash: Uint8Array;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly deviceType: string;
  readonly deviceId: string;
  readonly lifetimeMinutes: number;
  readonly idleMinutes: number | null;
}

export const insertSession = (tx: TenantTx, organizationId: string, session: NewSession) =>
  sql.insertSession(tx, { organizationId, sessionId: Bun.randomUUIDv7(), ...session });

/** Whether the password was still the one that was verified. */
export async function recordLogin(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  verifiedHash: string,
  ip: string | null,
): Promise<boolean> {
  return (await sql.updateLastLogin(tx, { organizationId, userId, verifiedHash, ip })) > 0;
}

export interface LiveSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly role: Role;
  readonly authenticatedAt: Date;
  readonly needsTouch: boolean;
  readonly organizationGeneration: number;
  readonly usersGeneration: number;
  readonly contentsGeneration: number;
}

export const findByToken = (
  tx: TenantTx,
  organizationId: string,
  tokenHashes: readonly Uint8Array[],
): Promise<LiveSession | null> => sql.findByToken(tx, { organizationId, tokenHashes });

export const touch = (tx: TenantTx, organizationId: string, sessionId: string) =>
  sql.updateLastActive(tx, { organizationId, sessionId });

export async function find(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  sessionId: string,
): Promise<Session | null> {
  const row = await sql.findSession(tx, { organizationId, userId, sessionId });
  if (row === null) return null;
  const { sessionId: id, ...session } = row;
  return { id, ...session };
}

export async function listLive(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly Session[]> {
  const rows = await sql.listLive(tx, { organizationId, userId, beforeId, limit });
  return rows.map(({ sessionId: id, ...session }) => ({ id, ...session }));
}

export const end = (
  tx: TenantTx,
  organizationId: string,
  userId: string,
  sessionId: string,
  reason: string,
) => sql.updateEnded(tx, { organizationId, userId, sessionId, reason });

export const endAll = (
  tx: TenantTx,
  organizationId: string,
  userId: string,
  exceptId: string | null,
  reason: string,
) => sql.updateAllEnded(tx, { organizationId, userId, exceptId, reason });

export const prune = (tx: TenantTx, organizationId: string, limit: number) =>
  sql.pruneSessions(tx, { organizationId, limit });
