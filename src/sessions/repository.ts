/** Rows of sessions, in and out. */
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
  /** Unused, it ends then; null: it may rest. */
  readonly idleExpiresAt: Date | null;
  /** Whether it is renewed with refresh tokens. */
  readonly longLived: boolean;
}

export const findOrganization = (tx: SystemTx, slug: string) => sql.findOrganization(tx, { slug });

export const findCredential = (tx: TenantTx, organizationId: string, login: string) =>
  sql.findCredential(tx, { organizationId, login });

export const findPassword = (tx: TenantTx, organizationId: string, userId: string) =>
  sql.findPassword(tx, { organizationId, userId });

export interface NewSession {
  readonly userId: string;
  readonly tokenHash: Uint8Array;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly deviceType: string;
  readonly deviceId: string;
  readonly lifetimeMinutes: number;
  readonly idleMinutes: number | null;
  /** How long its token lives, where that is shorter than the session does. */
  readonly tokenMinutes: number | null;
}

/** Null when the organization lets nobody in. */
export const insertSession = (tx: TenantTx, organizationId: string, session: NewSession) =>
  sql.insertSession(tx, { organizationId, sessionId: Bun.randomUUIDv7(), ...session });

/** Ends the oldest, so that `keep` are left, one of them `sessionId`. Gives those that were ended. */
export async function endExcess(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  sessionId: string,
  keep: number,
): Promise<readonly string[]> {
  const rows = await sql.updateExcessEnded(tx, { organizationId, userId, sessionId, keep });
  return rows.map((row) => row.sessionId);
}

export interface NewToken {
  readonly userId: string;
  readonly sessionId: string;
  readonly tokenHash: Uint8Array;
  readonly tokenMinutes: number;
  /** Whether the person has just proved who they are. */
  readonly proved: boolean;
  readonly ip: string | null;
}

/** Until when the new token is good, and the session unused; null when the session has ended. */
export const replaceToken = (tx: TenantTx, organizationId: string, token: NewToken) =>
  sql.updateToken(tx, { organizationId, ...token });

export const insertRefreshToken = (
  tx: TenantTx,
  organizationId: string,
  sessionId: string,
  tokenHash: Uint8Array,
) => sql.insertRefreshToken(tx, { organizationId, sessionId, tokenHash });

/** Whose refresh token it is, if anybody's; null when there is no such organization. */
export const findRefresher = (
  tx: TenantTx,
  organizationId: string,
  tokenHashes: readonly Uint8Array[],
): Promise<{ readonly userId: string | null } | null> =>
  sql.findRefreshToken(tx, { organizationId, tokenHashes });

/** The session of a refresh token that was still to be had, and is no more. */
export const useRefreshToken = (tx: TenantTx, organizationId: string, tokenHashes: readonly Uint8Array[]) =>
  sql.updateRefreshTokenUsed(tx, { organizationId, tokenHashes });

/** A refresh token of a live session that was used; `again`: at least `seconds` ago. */
export const lockUsedRefreshToken = (
  tx: TenantTx,
  organizationId: string,
  tokenHashes: readonly Uint8Array[],
  seconds: number,
) => sql.lockRefreshToken(tx, { organizationId, tokenHashes, seconds });

export interface NewChallenge {
  readonly userId: string;
  readonly tokenHash: Uint8Array;
  readonly verifiedHash: string;
  readonly longLived: boolean;
  readonly minutes: number;
}

/** Until when it can be met; null when the password is no longer the one that was verified. */
export async function insertChallenge(
  tx: TenantTx,
  organizationId: string,
  challenge: NewChallenge,
): Promise<Date | null> {
  return (await sql.insertChallenge(tx, { organizationId, ...challenge }))?.expiresAt ?? null;
}

/** Whose challenge it is, if it can still be met; null when there is no such organization. */
export const findChallenged = (
  tx: TenantTx,
  organizationId: string,
  tokenHashes: readonly Uint8Array[],
): Promise<{ readonly userId: string | null } | null> =>
  sql.findChallenge(tx, { organizationId, tokenHashes });

/** A challenge that was still to be met, and is no more. */
export const consumeChallenge = (tx: TenantTx, organizationId: string, tokenHashes: readonly Uint8Array[]) =>
  sql.updateChallengeConsumed(tx, { organizationId, tokenHashes });

export const pruneChallenges = (tx: TenantTx, organizationId: string, limit: number) =>
  sql.pruneChallenges(tx, { organizationId, limit });

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
  /** Whether a proof of who they are still counts. */
  readonly fresh: boolean;
  readonly freshUntil: Date;
  /** Of the organization, as stored. */
  readonly settings: unknown;
  readonly hasSecondFactor: boolean;
  readonly needsTouch: boolean;
  /** The quota of the organization; null when it has none. */
  readonly requestsPerMinute: number | null;
  readonly organizationGeneration: number;
  readonly usersGeneration: number;
  readonly contentsGeneration: number;
}

export const findByToken = (
  tx: TenantTx,
  organizationId: string,
  tokenHashes: readonly Uint8Array[],
  freshSeconds: number,
): Promise<LiveSession | null> => sql.findByToken(tx, { organizationId, tokenHashes, freshSeconds });

export const touch = (tx: TenantTx, organizationId: string, sessionId: string, ip: string | null) =>
  sql.updateLastActive(tx, { organizationId, sessionId, ip });

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
