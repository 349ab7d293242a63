// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, maybe } from "../tx.ts";

export interface DeleteGuardsParams {
  readonly organizationId: string;
  readonly userId: string;
}

const deleteGuardsStatement: Statement = {
  name: "guard/delete_guards",
  text: `delete /* guard/delete_guards */ from app.login_guard where organization_id = $1 and user_id = $2`,
};

/** Forgets every attempt at a person's logins, on all devices, and with them every lock. */
export function deleteGuards(tx: TenantTx, params: DeleteGuardsParams): Promise<number> {
  return count(tx, deleteGuardsStatement, [params.organizationId, params.userId]);
}

export interface FindLockParams {
  readonly organizationId: string;
  readonly guardKey: Uint8Array;
  readonly bucket: Uint8Array;
}

export interface FindLockRow {
  readonly locked: boolean;
  readonly due: boolean;
}

const findLockStatement: Statement = {
  name: "guard/find_lock",
  text: `select /* guard/find_lock */ coalesce(locked_until > now(), false) as locked, last_attempt_at < now() - interval '1 minute' as due
from app.login_guard
where organization_id = $1 and guard_key = $2 and bucket = $3`,
};

/**
 * Whether a bucket of the guard is locked now: only a hint that saves work, upsert_attempt decides. `due`: nobody has
 * noted for a minute that it is tried.
 */
export function findLock(tx: TenantTx, params: FindLockParams): Promise<FindLockRow | null> {
  return maybe<FindLockRow>(tx, findLockStatement, [params.organizationId, params.guardKey, params.bucket]);
}

export interface LockGuardParams {
  readonly organizationId: string;
  readonly guardKey: Uint8Array;
  readonly bucket: Uint8Array;
}

export interface LockGuardRow {
  readonly failed: number;
  readonly locked: boolean;
  readonly lockedUntil: Date | null;
  readonly secondsLeft: number | null;
  readonly userId: string | null;
  readonly door: "password" | "second_factor" | "recovery_code" | "reset" | "invitation";
  readonly locks: number;
}

const lockGuardStatement: Statement = {
  name: "guard/lock_guard",
  text: `select /* guard/lock_guard */
  (sequence - forgiven_sequence)::int as failed,
  coalesce(locked_until > now(), false) as locked,
  locked_until,
  extract(epoch from locked_until - now())::float8 as seconds_left,
  user_id, door, locks
from app.login_guard
where organization_id = $1 and guard_key = $2 and bucket = $3
for update`,
};

/** The state of one bucket of the guard, held until the transaction ends. */
export function lockGuard(tx: TenantTx, params: LockGuardParams): Promise<LockGuardRow | null> {
  return maybe<LockGuardRow>(tx, lockGuardStatement, [params.organizationId, params.guardKey, params.bucket]);
}

export interface PruneGuardsParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneGuardsStatement: Statement = {
  name: "guard/prune_guards",
  text: `with /* guard/prune_guards */ old as materialized (
  select guard_key, bucket from app.login_guard
  where organization_id = $1
    and last_attempt_at < now() - interval '1 day'
    and (
      ((locked_until is null or locked_until <= now()) and sequence - success_sequence < 20)
      or (user_id is null and last_attempt_at < now() - interval '90 days')
    )
  order by last_attempt_at
  limit $2::int
  for update skip locked
)
delete from app.login_guard g
using old
where g.organization_id = $1 and g.guard_key = old.guard_key and g.bucket = old.bucket`,
};

/**
 * Removes, at most so many at a time, buckets nobody has tried for a day and that hold no lock and no long streak; of
 * logins that nobody has, whatever they hold after ninety days.
 */
export function pruneGuards(tx: TenantTx, params: PruneGuardsParams): Promise<number> {
  return count(tx, pruneGuardsStatement, [params.organizationId, params.limit]);
}

export interface UpdateAttemptReturnedParams {
  readonly attemptsAllowed: number;
  readonly organizationId: string;
  readonly guardKey: Uint8Array;
  readonly bucket: Uint8Array;
  readonly sequence: number;
}

const updateAttemptReturnedStatement: Statement = {
  name: "guard/update_attempt_returned",
  text: `update /* guard/update_attempt_returned */ app.login_guard
set
  forgiven_sequence = least(sequence, forgiven_sequence + 1),
  success_sequence = least(sequence, success_sequence + 1),
  locks = case
    when locked_until is not null and sequence - least(sequence, forgiven_sequence + 1) < $1::int
      then greatest(locks - 1, 0)
    else locks
  end,
  locked_until = case
    when sequence - least(sequence, forgiven_sequence + 1) < $1::int then null else locked_until
  end
where organization_id = $2 and guard_key = $3 and bucket = $4
  and forgiven_sequence < $5`,
};

/** Gives one reserved attempt back whose secret was never looked at, and lifts the lock if too few remain for it. */
export function updateAttemptReturned(tx: TenantTx, params: UpdateAttemptReturnedParams): Promise<number> {
  return count(tx, updateAttemptReturnedStatement, [
    params.attemptsAllowed,
    params.organizationId,
    params.guardKey,
    params.bucket,
    params.sequence,
  ]);
}

export interface UpdateAttemptsForgivenParams {
  readonly sequence: number;
  readonly attemptsAllowed: number;
  readonly organizationId: string;
  readonly guardKey: Uint8Array;
  readonly bucket: Uint8Array;
}

const updateAttemptsForgivenStatement: Statement = {
  name: "guard/update_attempts_forgiven",
  text: `update /* guard/update_attempts_forgiven */ app.login_guard
set
  forgiven_sequence = greatest(forgiven_sequence, $1),
  success_sequence = greatest(success_sequence, $1),
  turned_away = 0,
  locks = case
    when sequence - greatest(forgiven_sequence, $1) < $2::int then 0 else least(locks, 1)
  end,
  locked_until = case
    when sequence - greatest(forgiven_sequence, $1) < $2::int then null else locked_until
  end
where organization_id = $3 and guard_key = $4 and bucket = $5`,
};

/**
 * A success gives back the attempts up to its own and no later one, and lifts the lock if too few remain for it. What
 * remains of the locks before it is the one that holds.
 */
export function updateAttemptsForgiven(tx: TenantTx, params: UpdateAttemptsForgivenParams): Promise<number> {
  return count(tx, updateAttemptsForgivenStatement, [
    params.sequence,
    params.attemptsAllowed,
    params.organizationId,
    params.guardKey,
    params.bucket,
  ]);
}

export interface UpdateLockExpiredParams {
  readonly attemptsAllowed: number;
  readonly organizationId: string;
  readonly guardKey: Uint8Array;
  readonly bucket: Uint8Array;
}

const updateLockExpiredStatement: Statement = {
  name: "guard/update_lock_expired",
  text: `update /* guard/update_lock_expired */ app.login_guard
set
  locked_until = null,
  forgiven_sequence = greatest(forgiven_sequence, sequence + 1 - $1::int)
where organization_id = $2 and guard_key = $3 and bucket = $4 and locked_until <= now()`,
};

/** Ends a lock whose time has run out, which gives one attempt: when that fails as well, the next lock begins. */
export function updateLockExpired(tx: TenantTx, params: UpdateLockExpiredParams): Promise<number> {
  return count(tx, updateLockExpiredStatement, [
    params.attemptsAllowed,
    params.organizationId,
    params.guardKey,
    params.bucket,
  ]);
}

export interface UpdateTurnedAwayParams {
  readonly attempts: number;
  readonly organizationId: string;
  readonly guardKey: Uint8Array;
  readonly bucket: Uint8Array;
}

const updateTurnedAwayStatement: Statement = {
  name: "guard/update_turned_away",
  text: `update /* guard/update_turned_away */ app.login_guard set turned_away = turned_away + $1::int, last_attempt_at = now()
where organization_id = $2 and guard_key = $3 and bucket = $4
  and locked_until > now() and last_attempt_at < now() - interval '1 minute'`,
};

/** Notes so many attempts that found a bucket locked, once a minute: a storm of them is one row written, not thousands. */
export function updateTurnedAway(tx: TenantTx, params: UpdateTurnedAwayParams): Promise<number> {
  return count(tx, updateTurnedAwayStatement, [
    params.attempts,
    params.organizationId,
    params.guardKey,
    params.bucket,
  ]);
}

export interface UpsertAttemptParams {
  readonly organizationId: string;
  readonly guardKey: Uint8Array;
  readonly bucket: Uint8Array;
  readonly door: string;
  readonly userId: string | null;
  readonly ip: string | null;
  readonly attemptsAllowed: number;
  readonly lockMinutes: readonly number[];
  readonly attemptsTotal: number;
}

export interface UpsertAttemptRow {
  readonly sequence: number;
  readonly nowLocked: boolean;
}

const upsertAttemptStatement: Statement = {
  name: "guard/upsert_attempt",
  text: `insert /* guard/upsert_attempt */ into app.login_guard as g (
  organization_id, guard_key, bucket, door, user_id, network, sequence, locks, locked_until
) values (
  $1, $2, $3, $4, $5,
  network(set_masklen($6::inet, case family($6::inet) when 6 then 64 else 32 end))::inet, 1,
  case when $7::int <= 1 then 1 else 0 end,
  case when $7::int <= 1 then now() + make_interval(mins => ($8::int[])[1]) end
)
on conflict (organization_id, guard_key, bucket) do update
set
  sequence = g.sequence + 1,
  user_id = excluded.user_id,
  network = excluded.network,
  forgiven_sequence = case
    when g.locked_until is null then g.forgiven_sequence
    else greatest(g.forgiven_sequence, g.sequence + 1 - $7::int)
  end,
  locks = g.locks + case
    when g.locked_until is not null
      or g.sequence + 1 - g.success_sequence >= $9::int
      or g.sequence + 1 - g.forgiven_sequence >= $7::int then 1
    else 0
  end,
  locked_until = case
    when g.sequence + 1 - g.success_sequence >= $9::int then '9999-12-31 00:00:00+00'::timestamptz
    when g.locked_until is not null or g.sequence + 1 - g.forgiven_sequence >= $7::int
      then now() + make_interval(mins => ($8::int[])[least(g.locks + 1, cardinality($8::int[]))])
  end,
  last_attempt_at = now()
where g.locked_until is null or g.locked_until <= now()
returning g.sequence, g.locked_until is not null as now_locked`,
};

/**
 * Reserves one attempt: counts it as failed before anything is verified. No row where the bucket is locked. The row
 * lock that the upsert takes makes the decision; attempts that raced for it see each other's count.
 */
export function upsertAttempt(tx: TenantTx, params: UpsertAttemptParams): Promise<UpsertAttemptRow | null> {
  return maybe<UpsertAttemptRow>(tx, upsertAttemptStatement, [
    params.organizationId,
    params.guardKey,
    params.bucket,
    params.door,
    params.userId,
    params.ip,
    params.attemptsAllowed,
    params.lockMinutes,
    params.attemptsTotal,
  ]);
}
