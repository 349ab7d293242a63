import { insertEffect, pruneEffects } from "#sql/effects";
import type { TenantTx } from "../../sql/tx.ts";

/** Whether the step was still to be done. */
export async function mark(tx: TenantTx, jobId: string, step: string): Promise<boolean> {
  return (await insertEffect(tx, { jobId, step })) === 1;
}

export function prune(tx: TenantTx, organizationId: string, limit: number): Promise<number> {
  return pruneEffects(tx, { organizationId, limit });
}
