// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, maybe, one } from "../tx.ts";

export interface DeleteRecoveryCodesParams {
  readonly organizationId: string;
  readonly userId: string;
}

const deleteRecoveryCodesStatement: Statement = {
  name: "second-factors/delete_recovery_codes",
  text: `delete /* second-factors/delete_recovery_codes */ from app.recovery_code where organization_id = $1 and user_id = $2`,
};

/** Takes a person's recovery codes away, used or not. */
export function deleteRecoveryCodes(tx: TenantTx, params: DeleteRecoveryCodesParams): Promise<number> {
  return count(tx, deleteRecoveryCodesStatement, [params.organizationId, params.userId]);
}

export interface DeleteSecondFactorParams {
  readonly organizationId: string;
  readonly userId: string;
}

export interface DeleteSecondFactorRow {
  readonly confirmedAt: Date | null;
}

const deleteSecondFactorStatement: Statement = {
  name: "second-factors/delete_second_factor",
  text: `delete /* second-factors/delete_second_factor */ from app.second_factor where organization_id = $1 and user_id = $2
returning confirmed_at`,
};

/** Takes a person's second factor away, and its recovery codes with it. Says when it had been confirmed. */
export function deleteSecondFactor(
  tx: TenantTx,
  params: DeleteSecondFactorParams,
): Promise<DeleteSecondFactorRow | null> {
  return maybe<DeleteSecondFactorRow>(tx, deleteSecondFactorStatement, [
    params.organizationId,
    params.userId,
  ]);
}

export interface ExistsRecoveryCodeParams {
  readonly organizationId: string;
  readonly userId: string;
  readonly codeHashes: readonly Uint8Array[];
}

const existsRecoveryCodeStatement: Statement = {
  name: "second-factors/exists_recovery_code",
  text: `select /* second-factors/exists_recovery_code */ exists (
  select from app.recovery_code
  where organization_id = $1 and user_id = $2
    and code_hash = any($3::bytea[]) and used_at is null
) as found`,
};

/** Whether a person has this recovery code, unused. Its hash may be under any of the secrets. */
export function existsRecoveryCode(tx: TenantTx, params: ExistsRecoveryCodeParams): Promise<boolean> {
  return one<{ readonly found: boolean }>(tx, existsRecoveryCodeStatement, [
    params.organizationId,
    params.userId,
    params.codeHashes,
  ]).then((row) => row.found);
}

export interface FindSecondFactorParams {
  readonly organizationId: string;
  readonly userId: string;
}

export interface FindSecondFactorRow {
  readonly secret: Uint8Array;
  readonly confirmedAt: Date | null;
  readonly lastStep: number;
  readonly readAt: Date;
  readonly stale: boolean;
  readonly recoveryCodes: number;
}

const findSecondFactorStatement: Statement = {
  name: "second-factors/find_second_factor",
  text: `select /* second-factors/find_second_factor */
  f.secret, f.confirmed_at, f.last_step,
  now() as read_at,
  f.confirmed_at is null and f.updated_at < now() - interval '30 minutes' as stale,
  (select count(*)::int from app.recovery_code c
    where c.organization_id = f.organization_id and c.user_id = f.user_id and c.used_at is null) as recovery_codes
from app.second_factor f
where f.organization_id = $1 and f.user_id = $2`,
};

/**
 * A person's second factor, with what their app shows beside the code. Null confirmed_at: still to be confirmed, within
 * half an hour. `read_at`: what time it is by this clock, which is that of every node.
 */
export function findSecondFactor(
  tx: TenantTx,
  params: FindSecondFactorParams,
): Promise<FindSecondFactorRow | null> {
  return maybe<FindSecondFactorRow>(tx, findSecondFactorStatement, [params.organizationId, params.userId]);
}

export interface InsertRecoveryCodesParams {
  readonly organizationId: string;
  readonly userId: string;
  readonly codeHashes: readonly Uint8Array[];
}

const insertRecoveryCodesStatement: Statement = {
  name: "second-factors/insert_recovery_codes",
  text: `insert /* second-factors/insert_recovery_codes */ into app.recovery_code (organization_id, user_id, code_hash)
select $1, $2, unnest($3::bytea[])`,
};

/** Gives a person recovery codes, by their hashes. */
export function insertRecoveryCodes(tx: TenantTx, params: InsertRecoveryCodesParams): Promise<number> {
  return count(tx, insertRecoveryCodesStatement, [params.organizationId, params.userId, params.codeHashes]);
}

export interface UpdateConfirmedParams {
  readonly step: number;
  readonly organizationId: string;
  readonly userId: string;
  readonly secret: Uint8Array;
  readonly sessionId: string;
}

const updateConfirmedStatement: Statement = {
  name: "second-factors/update_confirmed",
  text: `with /* second-factors/update_confirmed */ confirmed as (
  update app.second_factor set confirmed_at = now(), last_step = $1
  where organization_id = $2 and user_id = $3 and secret = $4 and confirmed_at is null
  returning user_id
)
update app.session s set authenticated_at = now()
from confirmed c
where s.organization_id = $2 and s.session_id = $5 and s.user_id = c.user_id`,
};

/**
 * Puts a second factor into force whose secret a code has shown to be in the app, and uses that code up. The session that
 * showed it has proved it; those from before have not.
 */
export function updateConfirmed(tx: TenantTx, params: UpdateConfirmedParams): Promise<number> {
  return count(tx, updateConfirmedStatement, [
    params.step,
    params.organizationId,
    params.userId,
    params.secret,
    params.sessionId,
  ]);
}

export interface UpdateRecoveryCodeUsedParams {
  readonly organizationId: string;
  readonly userId: string;
  readonly codeHashes: readonly Uint8Array[];
}

const updateRecoveryCodeUsedStatement: Statement = {
  name: "second-factors/update_recovery_code_used",
  text: `update /* second-factors/update_recovery_code_used */ app.recovery_code set used_at = now()
where organization_id = $1 and user_id = $2
  and code_hash = any($3::bytea[]) and used_at is null`,
};

/** Uses a recovery code up. Of two that race one gets the row. */
export function updateRecoveryCodeUsed(tx: TenantTx, params: UpdateRecoveryCodeUsedParams): Promise<number> {
  return count(tx, updateRecoveryCodeUsedStatement, [
    params.organizationId,
    params.userId,
    params.codeHashes,
  ]);
}

export interface UpdateStepParams {
  readonly step: number;
  readonly organizationId: string;
  readonly userId: string;
}

const updateStepStatement: Statement = {
  name: "second-factors/update_step",
  text: `update /* second-factors/update_step */ app.second_factor set last_step = $1
where organization_id = $2 and user_id = $3 and confirmed_at is not null and last_step < $1`,
};

/** Uses a code up: no row when it, or a later one, has been used. Of two that race one gets the row. */
export function updateStep(tx: TenantTx, params: UpdateStepParams): Promise<number> {
  return count(tx, updateStepStatement, [params.step, params.organizationId, params.userId]);
}

export interface UpsertPendingParams {
  readonly organizationId: string;
  readonly userId: string;
  readonly secret: Uint8Array;
}

const upsertPendingStatement: Statement = {
  name: "second-factors/upsert_pending",
  text: `insert /* second-factors/upsert_pending */ into app.second_factor as f (organization_id, user_id, secret)
values ($1, $2, $3)
on conflict (organization_id, user_id) do update set secret = excluded.secret, last_step = 0
where f.confirmed_at is null`,
};

/** Gives a person a second factor that is to be confirmed, in place of another such one. A confirmed one stays. */
export function upsertPending(tx: TenantTx, params: UpsertPendingParams): Promise<number> {
  return count(tx, upsertPendingStatement, [params.organizationId, params.userId, params.secret]);
}
