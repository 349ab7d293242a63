/** Rows of erasures, in and out. */
import * as sql from "#sql/erasures";
import type { TenantTx } from "../../sql/tx.ts";

export interface Erasure {
  readonly id: string;
  readonly userId: string;
  /** Null when a ledger asked for it. */
  readonly requestedById: string | null;
  readonly requestedAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

export async function find(tx: TenantTx, organizationId: string, userId: string): Promise<Erasure | null> {
  const row = await sql.findErasure(tx, { organizationId, userId });
  if (row === null) return null;
  const { erasureId: id, ...erasure } = row;
  return { id, ...erasure };
}

export async function list(
  tx: TenantTx,
  organizationId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly Erasure[]> {
  const rows = await sql.listErasures(tx, { organizationId, beforeId, limit });
  return rows.map(({ erasureId: id, ...erasure }) => ({ id, ...erasure }));
}

/** Whether it was not asked for before. `requestedAt` null: now. */
export async function insert(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  requestedAt: Date | null,
): Promise<boolean> {
  const erasureId = Bun.randomUUIDv7();
  return (await sql.insertErasure(tx, { organizationId, erasureId, userId, requestedAt })) === 1;
}

/** An erasure under way. */
export interface Running {
  readonly requestedAt: Date;
  readonly runningSeconds: number;
}

/** Null when it is finished or was never asked for. */
export const start = (tx: TenantTx, organizationId: string, userId: string): Promise<Running | null> =>
  sql.updateStarted(tx, { organizationId, userId });

/** How many rows were erased, at most `limit` of each table. */
export const erase = async (tx: TenantTx, userId: string, limit: number): Promise<number> =>
  (await sql.updateErased(tx, { userId, limit })).erased;

/** Whether it was not finished before. */
export const finish = async (tx: TenantTx, organizationId: string, userId: string): Promise<boolean> =>
  (await sql.updateFinished(tx, { organizationId, userId })) === 1;

export async function unerased(
  tx: TenantTx,
  organizationId: string,
  userIds: readonly string[],
): Promise<readonly string[]> {
  return (await sql.listUnerased(tx, { organizationId, userIds })).map(({ userId }) => userId);
}
