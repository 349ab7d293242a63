// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, count, many, maybe, one } from "../tx.ts";

export interface ClaimImportParams {
  readonly organizationId: string;
  readonly importId: string;
}

export interface ClaimImportRow {
  readonly source: string;
  readonly format: "csv" | "ndjson";
  readonly dryRun: boolean;
  readonly invite: boolean;
  readonly proven: boolean;
  readonly requestedById: string | null;
  readonly apiKeyId: string | null;
}

const claimImportStatement: Statement = {
  name: "imports/claim_import",
  text: `update /* imports/claim_import */ app.import
set state = 'running'
where organization_id = $1 and import_id = $2 and finished_at is null
returning source, format, dry_run, invite, proven, requested_by_id, api_key_id`,
};

/** Takes a file that is not worked off yet, and says that it is being worked off. */
export function claimImport(tx: TenantTx, params: ClaimImportParams): Promise<ClaimImportRow | null> {
  return maybe<ClaimImportRow>(tx, claimImportStatement, [params.organizationId, params.importId]);
}

export interface ExistsImportParams {
  readonly organizationId: string;
  readonly importId: string;
}

const existsImportStatement: Statement = {
  name: "imports/exists_import",
  text: `select /* imports/exists_import */ exists (select from app.import where organization_id = $1 and import_id = $2) as found`,
};

/** Whether there is such an import. */
export function existsImport(tx: TenantTx, params: ExistsImportParams): Promise<boolean> {
  return one<{ readonly found: boolean }>(tx, existsImportStatement, [
    params.organizationId,
    params.importId,
  ]).then((row) => row.found);
}

export interface FindImportParams {
  readonly organizationId: string;
  readonly importId: string;
}

export interface FindImportRow {
  readonly importId: string;
  readonly format: "csv" | "ndjson";
  readonly dryRun: boolean;
  readonly invite: boolean;
  readonly state: "waiting" | "running" | "finished" | "failed" | "cancelled";
  readonly failure: "organization_not_active" | "requester_not_allowed" | "api_key_ended" | "not_worked_off" | null;
  readonly createdAt: Date;
  readonly requestedById: string | null;
  readonly finishedAt: Date | null;
  readonly lineCount: number;
  readonly lastLine: number;
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly refused: number;
}

const findImportStatement: Statement = {
  name: "imports/find_import",
  text: `select /* imports/find_import */
  i.import_id, i.format, i.dry_run, i.invite, i.state, i.failure, i.created_at, i.requested_by_id, i.finished_at,
  i.line_count, l.last_line, l.created, l.changed, l.unchanged, l.refused
from app.import i
cross join lateral (
  select
    coalesce(max(l.line), 0) as last_line,
    (count(*) filter (where l.outcome = 'created'))::int as created,
    (count(*) filter (where l.outcome = 'changed'))::int as changed,
    (count(*) filter (where l.outcome = 'unchanged'))::int as unchanged,
    (count(*) filter (where l.outcome = 'refused'))::int as refused
  from app.import_line l
  where l.organization_id = i.organization_id and l.import_id = i.import_id
) l
where i.organization_id = $1 and i.import_id = $2`,
};

/** How far an import is, and what became of its lines. */
export function findImport(tx: TenantTx, params: FindImportParams): Promise<FindImportRow | null> {
  return maybe<FindImportRow>(tx, findImportStatement, [params.organizationId, params.importId]);
}

export interface FindUnderWayParams {
  readonly organizationId: string;
}

export interface FindUnderWayRow {
  readonly importId: string;
}

const findUnderWayStatement: Statement = {
  name: "imports/find_under_way",
  text: `select /* imports/find_under_way */ import_id from app.import where organization_id = $1 and finished_at is null`,
};

/** The import of the organization that has not ended: there is at most one. */
export function findUnderWay(tx: TenantTx, params: FindUnderWayParams): Promise<FindUnderWayRow | null> {
  return maybe<FindUnderWayRow>(tx, findUnderWayStatement, [params.organizationId]);
}

export interface InsertImportParams {
  readonly organizationId: string;
  readonly importId: string;
  readonly source: string;
  readonly lineCount: number;
  readonly format: string;
  readonly dryRun: boolean;
  readonly invite: boolean;
  readonly proven: boolean;
  readonly apiKeyId: string | null;
}

export interface InsertImportRow {
  readonly importId: string;
}

const insertImportStatement: Statement = {
  name: "imports/insert_import",
  text: `insert /* imports/insert_import */ into app.import (organization_id, import_id, source, line_count, format, dry_run, invite, proven, api_key_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
returning import_id`,
};

/** Keeps a file until it is worked off. At most one of an organization is under way. */
export function insertImport(tx: TenantTx, params: InsertImportParams): Promise<InsertImportRow> {
  return one<InsertImportRow>(tx, insertImportStatement, [
    params.organizationId,
    params.importId,
    params.source,
    params.lineCount,
    params.format,
    params.dryRun,
    params.invite,
    params.proven,
    params.apiKeyId,
  ]);
}

export interface InsertLinesParams {
  readonly organizationId: string;
  readonly importId: string;
  readonly lines: Exclude<Json, null>;
}

const insertLinesStatement: Statement = {
  name: "imports/insert_lines",
  text: `insert /* imports/insert_lines */ into app.import_line (organization_id, import_id, line, outcome, external_id, user_id, reason, detail)
select $1, $2, r.line, r.outcome, r.external_id, r.user_id, r.reason, r.detail
from json_to_recordset($3::json) as r (
  line integer, outcome text, external_id text, user_id uuid, reason text, detail text
)`,
};

/** Says what became of a batch of lines. */
export function insertLines(tx: TenantTx, params: InsertLinesParams): Promise<number> {
  return count(tx, insertLinesStatement, [params.organizationId, params.importId, params.lines]);
}

export interface InsertPeopleParams {
  readonly organizationId: string;
  readonly people: Exclude<Json, null>;
}

export interface InsertPeopleRow {
  readonly userId: string;
  readonly externalId: string;
}

const insertPeopleStatement: Statement = {
  name: "imports/insert_people",
  text: `insert /* imports/insert_people */ into app.user
  (organization_id, user_id, external_id, email, username, full_name, role, status, language, time_zone)
select
  $1, r.user_id, r.external_id, r.email, r.username, r.full_name, r.role, r.status, r.language, r.time_zone
from json_to_recordset($2::json) as r (
  user_id uuid, external_id text, email text, username text, full_name text, role text, status text, language text,
  time_zone text
)
order by r.external_id
on conflict do nothing
returning user_id, external_id`,
};

/**
 * Adds a batch of people in one statement. Whoever somebody else adds at the same moment is left out, and does not come
 * back.
 */
export function insertPeople(tx: TenantTx, params: InsertPeopleParams): Promise<readonly InsertPeopleRow[]> {
  return many<InsertPeopleRow>(tx, insertPeopleStatement, [params.organizationId, params.people]);
}

export interface ListHoldersParams {
  readonly organizationId: string;
  readonly emailKeys: readonly string[];
  readonly usernameKeys: readonly string[];
}

export interface ListHoldersRow {
  readonly userId: string;
  readonly emailKey: string | null;
  readonly usernameKey: string;
}

const listHoldersStatement: Statement = {
  name: "imports/list_holders",
  text: `select /* imports/list_holders */ user_id, email_key, username_key from app.user
where organization_id = $1 and email_key = any($2::text[]) and deleted_at is null
union
select user_id, email_key, username_key from app.user
where organization_id = $1 and username_key = any($3::text[]) and deleted_at is null
order by user_id`,
};

/** Who has these e-mail addresses or usernames, given in small letters. */
export function listHolders(tx: TenantTx, params: ListHoldersParams): Promise<readonly ListHoldersRow[]> {
  return many<ListHoldersRow>(tx, listHoldersStatement, [
    params.organizationId,
    params.emailKeys,
    params.usernameKeys,
  ]);
}

export interface ListLinesParams {
  readonly organizationId: string;
  readonly importId: string;
  readonly outcome: string | null;
  readonly afterLine: number | null;
  readonly limit: number;
}

export interface ListLinesRow {
  readonly line: number;
  readonly outcome: "created" | "changed" | "unchanged" | "refused";
  readonly externalId: string | null;
  readonly userId: string | null;
  readonly reason: string | null;
  readonly detail: string | null;
}

const listLinesStatement: Statement = {
  name: "imports/list_lines",
  text: `select /* imports/list_lines */ line, outcome, external_id, user_id, reason, detail
from app.import_line
where organization_id = $1 and import_id = $2
  and ($3::text is null or outcome = $3)
  and ($4::int is null or line > $4)
order by line
limit $5::int`,
};

/** What became of the lines of an import, in their order. */
export function listLines(tx: TenantTx, params: ListLinesParams): Promise<readonly ListLinesRow[]> {
  return many<ListLinesRow>(tx, listLinesStatement, [
    params.organizationId,
    params.importId,
    params.outcome,
    params.afterLine,
    params.limit,
  ]);
}

export interface LockEndedParams {
  readonly organizationId: string;
  readonly importId: string;
}

export interface LockEndedRow {
  readonly state: "waiting" | "running" | "finished" | "failed" | "cancelled";
}

const lockEndedStatement: Statement = {
  name: "imports/lock_ended",
  text: `select /* imports/lock_ended */ state from app.import
where organization_id = $1 and import_id = $2
for update`,
};

/** How an import has ended, once the batch that was under way when it did has ended as well. */
export function lockEnded(tx: TenantTx, params: LockEndedParams): Promise<LockEndedRow | null> {
  return maybe<LockEndedRow>(tx, lockEndedStatement, [params.organizationId, params.importId]);
}

export interface LockImportParams {
  readonly organizationId: string;
  readonly importId: string;
}

export interface LockImportRow {
  readonly organizationActive: boolean;
  readonly role: string | null;
  readonly apiKeyGood: boolean;
}

const lockImportStatement: Statement = {
  name: "imports/lock_import",
  text: `with /* imports/lock_import */ asked as materialized (
  select requested_by_id, api_key_id from app.import
  where organization_id = $1 and import_id = $2 and finished_at is null
  for key share
), school as materialized (
  select status from app.organization where organization_id = $1
  for share
), person as materialized (
  select role from app.user
  where organization_id = $1 and user_id = (select requested_by_id from asked)
    and status = 'active' and deleted_at is null
  for share
), key as materialized (
  select api_key_id from app.api_key
  where organization_id = $1 and api_key_id = (select api_key_id from asked)
    and revoked_at is null and expires_at > now()
  for share
)
select
  coalesce((select status = 'active' from school), false) as organization_active,
  (select role from person) as role,
  asked.api_key_id is null or exists (select from key) as api_key_good
from asked`,
};

/**
 * An import that has not ended, and whether whoever asked for it may still do so: what takes the right away waits for the
 * batch to end, and then nothing more comes of the import. Whoever cancels it does not wait to say so: they would have to
 * be quicker than the next batch.
 */
export function lockImport(tx: TenantTx, params: LockImportParams): Promise<LockImportRow | null> {
  return maybe<LockImportRow>(tx, lockImportStatement, [params.organizationId, params.importId]);
}

export interface LockPeopleParams {
  readonly organizationId: string;
  readonly externalIds: readonly string[];
}

export interface LockPeopleRow {
  readonly userId: string;
  readonly externalId: string;
  readonly email: string | null;
  readonly username: string;
  readonly fullName: string;
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly status: "active" | "inactive" | "suspended" | "pending";
  readonly language: string;
  readonly timeZone: string;
}

const lockPeopleStatement: Statement = {
  name: "imports/lock_people",
  text: `select /* imports/lock_people */ user_id, external_id, email, username, full_name, role, status, language, time_zone
from app.user
where organization_id = $1 and external_id = any($2::text[]) and deleted_at is null
order by external_id
for no key update`,
};

/**
 * The people who are known by these external ids, held until the transaction ends. Always in one order: two imports of
 * one file must not wait for each other.
 */
export function lockPeople(tx: TenantTx, params: LockPeopleParams): Promise<readonly LockPeopleRow[]> {
  return many<LockPeopleRow>(tx, lockPeopleStatement, [params.organizationId, params.externalIds]);
}

export interface PruneImportsParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneImportsStatement: Statement = {
  name: "imports/prune_imports",
  text: `with /* imports/prune_imports */ old as materialized (
  select import_id from app.import
  where organization_id = $1 and finished_at < now() - interval '7 days'
  order by import_id
  limit $2::int
  for update skip locked
)
delete from app.import i
using old
where i.organization_id = $1 and i.import_id = old.import_id`,
};

/** Removes, at most so many at a time, imports that ended a week ago, and what became of their lines. */
export function pruneImports(tx: TenantTx, params: PruneImportsParams): Promise<number> {
  return count(tx, pruneImportsStatement, [params.organizationId, params.limit]);
}

export interface UpdateFinishedParams {
  readonly state: string;
  readonly failure: string | null;
  readonly organizationId: string;
  readonly importId: string;
}

const updateFinishedStatement: Statement = {
  name: "imports/update_finished",
  text: `update /* imports/update_finished */ app.import
set state = $1, failure = $2, finished_at = now(), source = null
where organization_id = $3 and import_id = $4 and finished_at is null`,
};

/** Says that a file was worked off, or will not be, and forgets it. One that has ended stays as it is. */
export function updateFinished(tx: TenantTx, params: UpdateFinishedParams): Promise<number> {
  return count(tx, updateFinishedStatement, [
    params.state,
    params.failure,
    params.organizationId,
    params.importId,
  ]);
}

export interface UpdateForgottenParams {
  readonly organizationId: string;
  readonly userId: string;
}

const updateForgottenStatement: Statement = {
  name: "imports/update_forgotten",
  text: `update /* imports/update_forgotten */ app.import_line l set external_id = null
where l.organization_id = $1 and l.user_id is null and l.external_id in (
  select u.external_id from app.user u where u.organization_id = $1 and u.user_id = $2
  union all
  select h.before ->> 'external_id' from app.history h
  where h.organization_id = $1 and h.table_name = 'user' and h.row_id = $2
)`,
};

/** Takes a person's own number out of the lines that name nobody: those of rehearsals, and of refusals. */
export function updateForgotten(tx: TenantTx, params: UpdateForgottenParams): Promise<number> {
  return count(tx, updateForgottenStatement, [params.organizationId, params.userId]);
}

export interface UpdatePeopleParams {
  readonly people: Exclude<Json, null>;
  readonly organizationId: string;
}

const updatePeopleStatement: Statement = {
  name: "imports/update_people",
  text: `update /* imports/update_people */ app.user u
set email = r.email, username = r.username, full_name = r.full_name, role = r.role, status = r.status,
  language = r.language, time_zone = r.time_zone,
  email_verified_at = case when u.email_key is distinct from lower(r.email) then null else u.email_verified_at end
from json_to_recordset($1::json) as r (
  user_id uuid, email text, username text, full_name text, role text, status text, language text, time_zone text
)
where u.organization_id = $2 and u.user_id = r.user_id and u.deleted_at is null`,
};

/** Writes what an import changes of a batch of people in one statement. */
export function updatePeople(tx: TenantTx, params: UpdatePeopleParams): Promise<number> {
  return count(tx, updatePeopleStatement, [params.people, params.organizationId]);
}

export interface UpdatePlanModeRow {
  readonly mode: string;
}

const updatePlanModeStatement: Statement = {
  name: "imports/update_plan_mode",
  text: `select /* imports/update_plan_mode */ set_config('plan_cache_mode', 'force_custom_plan', true) as mode`,
};

/**
 * Has what follows in this transaction planned with the values it is sent. A kept plan would compare everybody with each
 * of five hundred keys, one after the other; keys that are known when it is planned are hashed, or looked up.
 */
export function updatePlanMode(tx: TenantTx): Promise<UpdatePlanModeRow> {
  return one<UpdatePlanModeRow>(tx, updatePlanModeStatement, []);
}

export interface UpdateStaleFailedParams {
  readonly organizationId: string;
}

const updateStaleFailedStatement: Statement = {
  name: "imports/update_stale_failed",
  text: `update /* imports/update_stale_failed */ app.import
set state = 'failed', failure = 'not_worked_off', finished_at = now(), source = null
where organization_id = $1 and finished_at is null
  and updated_at < now() - case state when 'waiting' then interval '1 day' else interval '1 hour' end`,
};

/** Gives up what nobody has worked on for an hour, its job is dead, and what has waited for a day. */
export function updateStaleFailed(tx: TenantTx, params: UpdateStaleFailedParams): Promise<number> {
  return count(tx, updateStaleFailedStatement, [params.organizationId]);
}
