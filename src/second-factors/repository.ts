/** Rows of second factors and their recovery codes, in and out. */
import * as sql from "#sql/second-factors";
import type { TenantTx } from "../../sql/tx.ts";

/** A person's second factor as it is stored. */
export interface StoredFactor {
  /** Sealed. */
  readonly secret: Uint8Array;
  /** Null: a code of it is still to be shown. */
  readonly confirmedAt: Date | null;
  /** Of the last code that was taken. */
  readonly lastStep: number;
  /** Whether it waited too long to be confirmed. */
  readonly stale: boolean;
  /** What time it is, by the clock of the database. */
  readonly readAt: Date;
  /** How many are unused. */
  readonly recoveryCodes: number;
}

export const find = (tx: TenantTx, organizationId: string, userId: string): Promise<StoredFactor | null> =>
  sql.findSecondFactor(tx, { organizationId, userId });

/** Whether it was stored: a factor that is in force stays. */
export async function upsertPending(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  secret: Uint8Array,
): Promise<boolean> {
  return (await sql.upsertPending(tx, { organizationId, userId, secret })) > 0;
}

/** Whether it was still the one to be confirmed. The session has proved it then. */
export async function confirm(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  {
    secret,
    step,
    sessionId,
  }: { readonly secret: Uint8Array; readonly step: number; readonly sessionId: string },
): Promise<boolean> {
  return (await sql.updateConfirmed(tx, { organizationId, userId, secret, step, sessionId })) > 0;
}

/** Whether the code of this step was still to be had. */
export async function useStep(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  step: number,
): Promise<boolean> {
  return (await sql.updateStep(tx, { organizationId, userId, step })) > 0;
}

export const remove = (tx: TenantTx, organizationId: string, userId: string) =>
  sql.deleteSecondFactor(tx, { organizationId, userId });

/** In place of those that were there. */
export async function replaceRecoveryCodes(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  codeHashes: readonly Uint8Array[],
): Promise<void> {
  await sql.deleteRecoveryCodes(tx, { organizationId, userId });
  await sql.insertRecoveryCodes(tx, { organizationId, userId, codeHashes });
}

export async function hasRecoveryCode(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  codeHashes: readonly Uint8Array[],
): Promise<boolean> {
  return sql.existsRecoveryCode(tx, { organizationId, userId, codeHashes });
}

/** Whether the code was still to be had. */
export async function useRecoveryCode(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  codeHashes: readonly Uint8Array[],
): Promise<boolean> {
  return (await sql.updateRecoveryCodeUsed(tx, { organizationId, userId, codeHashes })) > 0;
}
