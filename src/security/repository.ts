/** Rows of security events and attacks, in and out. */
import * as sql from "#sql/security";
import type { TenantTx } from "../../sql/tx.ts";

type GuardedSecret = sql.ListEventsRow["door"];

export interface SecurityEvent {
  readonly id: string;
  readonly kind: "login_locked" | "login_unlocked";
  readonly door: GuardedSecret;
  readonly userId: string | null;
  readonly knownDevice: boolean;
  readonly attempts: number;
  readonly lockedUntil: Date | null;
  readonly createdAt: Date;
}

export const insert = (
  tx: TenantTx,
  organizationId: string,
  event: Pick<SecurityEvent, "kind" | "door" | "userId" | "knownDevice" | "attempts" | "lockedUntil">,
) => sql.insertEvent(tx, { organizationId, ...event });

export async function list(
  tx: TenantTx,
  organizationId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly SecurityEvent[]> {
  const rows = await sql.listEvents(tx, { organizationId, beforeId, limit });
  return rows.map(({ securityEventId: id, ...event }) => ({ id, ...event }));
}

export type AttackKind = sql.ListAttacksRow["kind"];

/** What looks like an attack: of many logins from one place or from many, or of one person's. */
export interface Suspicion {
  readonly kind: string;
  readonly network: string | null;
  readonly userId: string | null;
  readonly accounts: number;
  readonly attempts: number;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
}

export interface Attack extends Suspicion {
  readonly id: string;
  readonly kind: AttackKind;
  readonly endedAt: Date | null;
}

export interface SuspicionLimits {
  /** Logins tried in vain from one place, and from all together, that are too many. */
  readonly accountsFromOne: number;
  readonly accountsFromMany: number;
  /** And that only when they are more than this share of the people who signed in there. */
  readonly share: number;
  /** Locks in a row, at one person, that are too many. */
  readonly locks: number;
}

export const listSuspicions = (
  tx: TenantTx,
  organizationId: string,
  limits: SuspicionLimits,
): Promise<readonly Suspicion[]> => sql.listSuspicions(tx, { organizationId, ...limits });

export const upsertAttack = (tx: TenantTx, organizationId: string, suspicion: Suspicion) =>
  sql.upsertAttack(tx, { organizationId, attackId: Bun.randomUUIDv7(), ...suspicion });

/** Whether it is the caller's turn to tell the admins. */
export async function claimNotice(tx: TenantTx, organizationId: string, attackId: string): Promise<boolean> {
  return (await sql.updateNotified(tx, { organizationId, attackId })) > 0;
}

export const endAttacks = (tx: TenantTx, organizationId: string) =>
  sql.updateAttacksEnded(tx, { organizationId });

export const listAdmins = (tx: TenantTx, organizationId: string, limit: number) =>
  sql.listAdmins(tx, { organizationId, limit });

export async function listAttacks(
  tx: TenantTx,
  organizationId: string,
  open: boolean | null,
  beforeId: string | null,
  limit: number,
): Promise<readonly Attack[]> {
  const rows = await sql.listAttacks(tx, { organizationId, open, beforeId, limit });
  return rows.map(({ attackId: id, ...attack }) => ({ id, ...attack }));
}

export const pruneEvents = (tx: TenantTx, organizationId: string, limit: number) =>
  sql.pruneEvents(tx, { organizationId, limit });

export const pruneAttacks = (tx: TenantTx, organizationId: string, limit: number) =>
  sql.pruneAttacks(tx, { organizationId, limit });
