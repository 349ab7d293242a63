// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, many, maybe, one } from "../tx.ts";

export interface ClaimCodeParams {
  readonly organizationId: string;
  readonly codeHashes: readonly Uint8Array[];
}

export interface ClaimCodeRow {
  readonly signUpCodeId: string;
  readonly role: "student" | "teacher" | "parent";
}

const claimCodeStatement: Statement = {
  name: "sign-ups/claim_code",
  text: `update /* sign-ups/claim_code */ app.sign_up_code
set uses = uses + 1
where organization_id = $1 and code_hash = any($2::bytea[])
  and revoked_at is null and expires_at > now() and uses < uses_allowed
returning sign_up_code_id, role`,
};

/** Uses a good code once. Whoever else uses it waits for the end of the transaction, so that it is never used too often. */
export function claimCode(tx: TenantTx, params: ClaimCodeParams): Promise<ClaimCodeRow | null> {
  return maybe<ClaimCodeRow>(tx, claimCodeStatement, [params.organizationId, params.codeHashes]);
}

export interface ClaimOutdatedParams {
  readonly organizationId: string;
  readonly minutes: number;
  readonly limit: number;
}

export interface ClaimOutdatedRow {
  readonly userId: string;
  readonly unconfirmed: boolean | null;
}

const claimOutdatedStatement: Statement = {
  name: "sign-ups/claim_outdated",
  text: `with /* sign-ups/claim_outdated */ old as materialized (
  select organization_id, user_id from app.sign_up
  where organization_id = $1 and created_at < now() - make_interval(mins => $2::int)
  order by created_at
  limit $3::int
  for update skip locked
)
delete from app.sign_up s
using old
join app.user u on u.organization_id = old.organization_id and u.user_id = old.user_id
where s.organization_id = old.organization_id and s.user_id = old.user_id
returning s.user_id, u.status = 'pending' and u.email is null and u.deleted_at is null as unconfirmed`,
};

/** Takes at most so many sign-ups that are older than so many minutes, and tells which were never confirmed. */
export function claimOutdated(
  tx: TenantTx,
  params: ClaimOutdatedParams,
): Promise<readonly ClaimOutdatedRow[]> {
  return many<ClaimOutdatedRow>(tx, claimOutdatedStatement, [
    params.organizationId,
    params.minutes,
    params.limit,
  ]);
}

export interface DeleteUnconfirmedParams {
  readonly minutes: number;
  readonly limit: number;
}

export interface DeleteUnconfirmedRow {
  readonly userId: string;
}

const deleteUnconfirmedStatement: Statement = {
  name: "sign-ups/delete_unconfirmed",
  text: `select /* sign-ups/delete_unconfirmed */ d.user_id from app.discard_sign_ups(make_interval(mins => $1::int), $2::int) d (user_id)`,
};

/** Removes, at most so many, accounts that are older than so many minutes and were never confirmed, and gives whose they were. */
export function deleteUnconfirmed(
  tx: TenantTx,
  params: DeleteUnconfirmedParams,
): Promise<readonly DeleteUnconfirmedRow[]> {
  return many<DeleteUnconfirmedRow>(tx, deleteUnconfirmedStatement, [params.minutes, params.limit]);
}

export interface FindGoodCodeParams {
  readonly organizationId: string;
  readonly codeHashes: readonly Uint8Array[];
}

export interface FindGoodCodeRow {
  readonly role: "student" | "teacher" | "parent";
}

const findGoodCodeStatement: Statement = {
  name: "sign-ups/find_good_code",
  text: `select /* sign-ups/find_good_code */ role from app.sign_up_code
where organization_id = $1 and code_hash = any($2::bytea[])
  and revoked_at is null and expires_at > now() and uses < uses_allowed`,
};

/** What role a code gives, if it is good at this moment. Only spares work: claim_code decides. */
export function findGoodCode(tx: TenantTx, params: FindGoodCodeParams): Promise<FindGoodCodeRow | null> {
  return maybe<FindGoodCodeRow>(tx, findGoodCodeStatement, [params.organizationId, params.codeHashes]);
}

export interface InsertCodeParams {
  readonly organizationId: string;
  readonly signUpCodeId: string;
  readonly codeHash: Uint8Array;
  readonly role: string;
  readonly usesAllowed: number;
  readonly days: number;
}

export interface InsertCodeRow {
  readonly signUpCodeId: string;
  readonly role: "student" | "teacher" | "parent";
  readonly usesAllowed: number;
  readonly uses: number;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly createdById: string | null;
  readonly createdAt: Date;
}

const insertCodeStatement: Statement = {
  name: "sign-ups/insert_code",
  text: `insert /* sign-ups/insert_code */ into app.sign_up_code (organization_id, sign_up_code_id, code_hash, role, uses_allowed, expires_at)
values ($1, $2, $3, $4, $5, now() + make_interval(days => $6::int))
returning sign_up_code_id, role, uses_allowed, uses, expires_at, revoked_at, created_by_id, created_at`,
};

/** Stores a code by its keyed hash. */
export function insertCode(tx: TenantTx, params: InsertCodeParams): Promise<InsertCodeRow> {
  return one<InsertCodeRow>(tx, insertCodeStatement, [
    params.organizationId,
    params.signUpCodeId,
    params.codeHash,
    params.role,
    params.usesAllowed,
    params.days,
  ]);
}

export interface InsertSignUpParams {
  readonly organizationId: string;
  readonly userId: string;
}

const insertSignUpStatement: Statement = {
  name: "sign-ups/insert_sign_up",
  text: `insert /* sign-ups/insert_sign_up */ into app.sign_up (organization_id, user_id) values ($1, $2)`,
};

/** Remembers who signed up without a code, until they have confirmed their address or the time for it is over. */
export function insertSignUp(tx: TenantTx, params: InsertSignUpParams): Promise<number> {
  return count(tx, insertSignUpStatement, [params.organizationId, params.userId]);
}

export interface ListCodesParams {
  readonly organizationId: string;
  readonly beforeId: string | null;
  readonly limit: number;
}

export interface ListCodesRow {
  readonly signUpCodeId: string;
  readonly role: "student" | "teacher" | "parent";
  readonly usesAllowed: number;
  readonly uses: number;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly createdById: string | null;
  readonly createdAt: Date;
}

const listCodesStatement: Statement = {
  name: "sign-ups/list_codes",
  text: `select /* sign-ups/list_codes */ sign_up_code_id, role, uses_allowed, uses, expires_at, revoked_at, created_by_id, created_at
from app.sign_up_code
where organization_id = $1 and ($2::uuid is null or sign_up_code_id < $2)
order by sign_up_code_id desc
limit $3::int`,
};

/** Codes of an organization, newest first, those that are good no more among them. */
export function listCodes(tx: TenantTx, params: ListCodesParams): Promise<readonly ListCodesRow[]> {
  return many<ListCodesRow>(tx, listCodesStatement, [params.organizationId, params.beforeId, params.limit]);
}

export interface PruneAttemptsParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneAttemptsStatement: Statement = {
  name: "sign-ups/prune_attempts",
  text: `with /* sign-ups/prune_attempts */ old as materialized (
  select network from app.sign_up_attempt
  where organization_id = $1 and since < now() - interval '1 hour'
  order by since
  limit $2::int
  for update skip locked
)
delete from app.sign_up_attempt a
using old
where a.organization_id = $1 and a.network = old.network`,
};

/** Removes counts that count no more. */
export function pruneAttempts(tx: TenantTx, params: PruneAttemptsParams): Promise<number> {
  return count(tx, pruneAttemptsStatement, [params.organizationId, params.limit]);
}

export interface UpdateCodeRevokedParams {
  readonly organizationId: string;
  readonly signUpCodeId: string;
}

export interface UpdateCodeRevokedRow {
  readonly signUpCodeId: string;
}

const updateCodeRevokedStatement: Statement = {
  name: "sign-ups/update_code_revoked",
  text: `update /* sign-ups/update_code_revoked */ app.sign_up_code
set revoked_at = coalesce(revoked_at, now())
where organization_id = $1 and sign_up_code_id = $2
returning sign_up_code_id`,
};

/** Ends a code for good. One that was revoked before stays as it was, and is found all the same. */
export function updateCodeRevoked(
  tx: TenantTx,
  params: UpdateCodeRevokedParams,
): Promise<UpdateCodeRevokedRow | null> {
  return maybe<UpdateCodeRevokedRow>(tx, updateCodeRevokedStatement, [
    params.organizationId,
    params.signUpCodeId,
  ]);
}

export interface UpsertAttemptParams {
  readonly organizationId: string;
  readonly network: Uint8Array;
}

export interface UpsertAttemptRow {
  readonly attempts: number;
  readonly secondsLeft: number;
}

const upsertAttemptStatement: Statement = {
  name: "sign-ups/upsert_attempt",
  text: `insert /* sign-ups/upsert_attempt */ into app.sign_up_attempt as a (organization_id, network)
values ($1, $2)
on conflict (organization_id, network) do update
set
  attempts = case when a.since > now() - interval '1 hour' then a.attempts + 1 else 1 end,
  since = case when a.since > now() - interval '1 hour' then a.since else now() end
returning attempts, greatest(1, ceil(extract(epoch from since + interval '1 hour' - now())))::int as seconds_left`,
};

/** Counts an attempt from a network, and gives how many there were within the hour, and for how many seconds they still count. */
export function upsertAttempt(tx: TenantTx, params: UpsertAttemptParams): Promise<UpsertAttemptRow> {
  return one<UpsertAttemptRow>(tx, upsertAttemptStatement, [params.organizationId, params.network]);
}
