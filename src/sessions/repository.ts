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
