// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, maybe, one } from "../tx.ts";

export interface FindRenameParams {
  readonly organizationId: string;
  readonly subject: string;
  readonly renameId: string;
}

export interface FindRenameRow {
  readonly renameId: string;
  readonly subject: "tags" | "skills";
  readonly fromWords: readonly string[];
  readonly toWord: string;
  readonly state: "waiting" | "running" | "finished" | "failed";
  readonly failure: "organization_not_active" | "requester_not_allowed" | "api_key_ended" | "not_worked_off" | null;
  readonly changedCount: number;
  readonly createdAt: Date;
  readonly requestedById: string | null;
  readonly finishedAt: Date | null;
}

const findRenameStatement: Statement = {
  name: "renames/find_rename",
  text: `select /* renames/find_rename */ rename_id, subject, from_words, to_word, state, failure, changed_count, created_at, requested_by_id, finished_at
from app.rename
where organization_id = $1 and subject = $2 and rename_id = $3`,
};

/** How far a renaming is. */
export function findRename(tx: TenantTx, params: FindRenameParams): Promise<FindRenameRow | null> {
  return maybe<FindRenameRow>(tx, findRenameStatement, [
    params.organizationId,
    params.subject,
    params.renameId,
  ]);
}

export interface InsertRenameParams {
  readonly organizationId: string;
  readonly renameId: string;
  readonly subject: string;
  readonly fromWords: readonly string[];
  readonly toWord: string;
  readonly apiKeyId: string | null;
}

export interface InsertRenameRow {
  readonly renameId: string;
  readonly subject: "tags" | "skills";
  readonly fromWords: readonly string[];
  readonly toWord: string;
  readonly state: "waiting" | "running" | "finished" | "failed";
  readonly failure: "organization_not_active" | "requester_not_allowed" | "api_key_ended" | "not_worked_off" | null;
  readonly changedCount: number;
  readonly createdAt: Date;
  readonly requestedById: string | null;
  readonly finishedAt: Date | null;
}

const insertRenameStatement: Statement = {
  name: "renames/insert_rename",
  text: `insert /* renames/insert_rename */ into app.rename (organization_id, rename_id, subject, from_words, to_word, api_key_id)
values ($1, $2, $3, $4::text[], $5, $6)
returning rename_id, subject, from_words, to_word, state, failure, changed_count, created_at, requested_by_id, finished_at`,
};

/** Keeps what is to be renamed until that is worked off. At most one of a kind and organization is under way. */
export function insertRename(tx: TenantTx, params: InsertRenameParams): Promise<InsertRenameRow> {
  return one<InsertRenameRow>(tx, insertRenameStatement, [
    params.organizationId,
    params.renameId,
    params.subject,
    params.fromWords,
    params.toWord,
    params.apiKeyId,
  ]);
}

export interface LockRenameParams {
  readonly organizationId: string;
  readonly renameId: string;
}

export interface LockRenameRow {
  readonly subject: "tags" | "skills";
  readonly fromWords: readonly string[];
  readonly toWord: string;
  readonly pass: number;
  readonly afterId: string | null;
  readonly passCount: number;
  readonly organizationActive: boolean;
  readonly role: string | null;
  readonly apiKeyGood: boolean;
}

const lockRenameStatement: Statement = {
  name: "renames/lock_rename",
  text: `with /* renames/lock_rename */ asked as materialized (
  select subject, from_words, to_word, pass, after_id, pass_count, requested_by_id, api_key_id from app.rename
  where organization_id = $1 and rename_id = $2 and finished_at is null
  for update
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
  asked.subject, asked.from_words, asked.to_word, asked.pass, asked.after_id, asked.pass_count,
  coalesce((select status = 'active' from school), false) as organization_active,
  (select role from person) as role,
  asked.api_key_id is null or exists (select from key) as api_key_good
from asked`,
};

/**
 * A renaming that has not ended, held until the transaction ends, and whether whoever asked for it may still do so: what
 * takes the right away waits for the batch to end, and then nothing more comes of it.
 */
export function lockRename(tx: TenantTx, params: LockRenameParams): Promise<LockRenameRow | null> {
  return maybe<LockRenameRow>(tx, lockRenameStatement, [params.organizationId, params.renameId]);
}

export interface PruneRenamesParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneRenamesStatement: Statement = {
  name: "renames/prune_renames",
  text: `with /* renames/prune_renames */ old as materialized (
  select rename_id from app.rename
  where organization_id = $1 and finished_at < now() - interval '7 days'
  order by rename_id
  limit $2::int
  for update skip locked
)
delete from app.rename r
using old
where r.organization_id = $1 and r.rename_id = old.rename_id`,
};

/** Removes, at most so many at a time, renamings that ended a week ago. */
export function pruneRenames(tx: TenantTx, params: PruneRenamesParams): Promise<number> {
  return count(tx, pruneRenamesStatement, [params.organizationId, params.limit]);
}

export interface UpdateFinishedParams {
  readonly failure: string | null;
  readonly organizationId: string;
  readonly renameId: string;
}

export interface UpdateFinishedRow {
  readonly subject: "tags" | "skills";
  readonly changedCount: number;
}

const updateFinishedStatement: Statement = {
  name: "renames/update_finished",
  text: `update /* renames/update_finished */ app.rename
set state = case when $1::text is null then 'finished' else 'failed' end, failure = $1, finished_at = now()
where organization_id = $2 and rename_id = $3 and finished_at is null
returning subject, changed_count`,
};

/** Says that a renaming was worked off, or will not be. One that has ended stays as it is. */
export function updateFinished(
  tx: TenantTx,
  params: UpdateFinishedParams,
): Promise<UpdateFinishedRow | null> {
  return maybe<UpdateFinishedRow>(tx, updateFinishedStatement, [
    params.failure,
    params.organizationId,
    params.renameId,
  ]);
}

export interface UpdateProgressParams {
  readonly pass: number;
  readonly afterId: string | null;
  readonly passCount: number;
  readonly changed: number;
  readonly organizationId: string;
  readonly renameId: string;
}

const updateProgressStatement: Statement = {
  name: "renames/update_progress",
  text: `update /* renames/update_progress */ app.rename
set state = 'running', pass = $1, after_id = $2, pass_count = $3,
  changed_count = changed_count + $4::int
where organization_id = $5 and rename_id = $6 and finished_at is null`,
};

/** Says how far a renaming is, in the transaction of what it renamed. */
export function updateProgress(tx: TenantTx, params: UpdateProgressParams): Promise<number> {
  return count(tx, updateProgressStatement, [
    params.pass,
    params.afterId,
    params.passCount,
    params.changed,
    params.organizationId,
    params.renameId,
  ]);
}

export interface UpdateStaleFailedParams {
  readonly organizationId: string;
}

const updateStaleFailedStatement: Statement = {
  name: "renames/update_stale_failed",
  text: `update /* renames/update_stale_failed */ app.rename
set state = 'failed', failure = 'not_worked_off', finished_at = now()
where organization_id = $1 and finished_at is null
  and updated_at < now() - case state when 'waiting' then interval '1 day' else interval '1 hour' end`,
};

/** Gives up what nobody has worked on for an hour, its job is dead, and what has waited for a day. */
export function updateStaleFailed(tx: TenantTx, params: UpdateStaleFailedParams): Promise<number> {
  return count(tx, updateStaleFailedStatement, [params.organizationId]);
}
