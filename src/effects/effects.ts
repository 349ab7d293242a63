/** Makes the effect of a job happen once, although the queue delivers it at least once. */
import type { TenantTx } from "../../sql/tx.ts";
import { mark, prune } from "./repository.ts";

/**
 * Runs `run` unless this step of the job has been done before; says whether it ran. The mark is written in the caller's
 * transaction, so that it is there if and only if the effect is. Two deliveries at the same time: the later waits for
 * the earlier to commit, and then does nothing, or to fail, and then does it.
 *
 * `run` gets nothing and uses the same `tx`. Its effects must be in the database; for one that is not, give the job's
 * id to the other side as idempotency key. Rejects as `run` does, and then nothing is marked, because the caller's
 * transaction rolls back. Refuses with `database_locked` when the other delivery takes longer than a lock may.
 */
export async function once(
  tx: TenantTx,
  jobId: string,
  step: string,
  run: () => Promise<void>,
): Promise<boolean> {
  const due = await mark(tx, jobId, step);
  if (due) await run();
  return due;
}

/** Removes marks that no delivery can ask for any more, at most `limit`; gives how many. */
export function pruneEffects(tx: TenantTx, organizationId: string, limit: number): Promise<number> {
  return prune(tx, organizationId, limit);
}
