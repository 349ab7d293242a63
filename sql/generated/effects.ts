// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count } from "../tx.ts";

export interface InsertEffectParams {
  readonly jobId: string;
  readonly step: string;
}

const insertEffectStatement: Statement = {
  name: "effects/insert_effect",
  text: `insert /* effects/insert_effect */ into app.effect (organization_id, job_id, step)
values (app.org(), $1, $2)
on conflict on constraint effect_pkey do nothing`,
};

/** Marks a step of a job as done, unless it is already. */
export function insertEffect(tx: TenantTx, params: InsertEffectParams): Promise<number> {
  return count(tx, insertEffectStatement, [params.jobId, params.step]);
}

export interface PruneEffectsParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneEffectsStatement: Statement = {
  name: "effects/prune_effects",
  text: `with /* effects/prune_effects */ old as materialized (
  select job_id, step from app.effect
  where organization_id = $1 and created_at < now() - interval '180 days'
  order by created_at
  limit $2::int
)
delete from app.effect e
using old
where e.organization_id = $1 and e.job_id = old.job_id and e.step = old.step`,
};

/**
 * Removes, at most so many at a time, marks of jobs that not even a dead letter can bring back. They are not locked
 * before, which would need the right to update them: a mark is never changed.
 */
export function pruneEffects(tx: TenantTx, params: PruneEffectsParams): Promise<number> {
  return count(tx, pruneEffectsStatement, [params.organizationId, params.limit]);
}
