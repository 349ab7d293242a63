// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, many, maybe, one } from "../tx.ts";

export interface FindErasureParams {
  readonly organizationId: string;
  readonly userId: string;
}

export interface FindErasureRow {
  readonly erasureId: string;
  readonly userId: string;
  readonly requestedById: string | null;
  readonly requestedAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

const findErasureStatement: Statement = {
  name: "erasures/find_erasure",
  text: `select /* erasures/find_erasure */ erasure_id, user_id, requested_by_id, requested_at, started_at, finished_at from app.erasure
where organization_id = $1 and user_id = $2`,
};

/** How far the erasure of a person is; none when it was never asked for. */
export function findErasure(tx: TenantTx, params: FindErasureParams): Promise<FindErasureRow | null> {
  return maybe<FindErasureRow>(tx, findErasureStatement, [params.organizationId, params.userId]);
}

export interface InsertErasureParams {
  readonly organizationId: string;
  readonly erasureId: string;
  readonly userId: string;
  readonly requestedAt: Date | null;
}

const insertErasureStatement: Statement = {
  name: "erasures/insert_erasure",
  text: `insert /* erasures/insert_erasure */ into app.erasure (organization_id, erasure_id, user_id, requested_at)
values ($1, $2, $3, coalesce($4, now()))
on conflict (organization_id, user_id) do nothing`,
};

/** Asks for the erasure of a person, unless it was asked for before. From a ledger, when it was asked for there. */
export function insertErasure(tx: TenantTx, params: InsertErasureParams): Promise<number> {
  return count(tx, insertErasureStatement, [
    params.organizationId,
    params.erasureId,
    params.userId,
    params.requestedAt,
  ]);
}

export interface ListErasuresParams {
  readonly organizationId: string;
  readonly beforeId: string | null;
  readonly limit: number;
}

export interface ListErasuresRow {
  readonly erasureId: string;
  readonly userId: string;
  readonly requestedById: string | null;
  readonly requestedAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

const listErasuresStatement: Statement = {
  name: "erasures/list_erasures",
  text: `select /* erasures/list_erasures */ erasure_id, user_id, requested_by_id, requested_at, started_at, finished_at from app.erasure
where organization_id = $1 and ($2::uuid is null or erasure_id < $2)
order by erasure_id desc
limit $3::int`,
};

/** Erasures, the latest first. */
export function listErasures(tx: TenantTx, params: ListErasuresParams): Promise<readonly ListErasuresRow[]> {
  return many<ListErasuresRow>(tx, listErasuresStatement, [
    params.organizationId,
    params.beforeId,
    params.limit,
  ]);
}

export interface ListUnerasedParams {
  readonly organizationId: string;
  readonly userIds: readonly string[];
}

export interface ListUnerasedRow {
  readonly userId: string;
}

const listUnerasedStatement: Statement = {
  name: "erasures/list_unerased",
  text: `select /* erasures/list_unerased */ u.user_id
from app.user u
left join app.erasure e on e.organization_id = u.organization_id and e.user_id = u.user_id
where u.organization_id = $1 and u.user_id = any($2::uuid[]) and e.finished_at is null
order by u.user_id`,
};

/** Of these people of a ledger, those who are here and not erased. */
export function listUnerased(tx: TenantTx, params: ListUnerasedParams): Promise<readonly ListUnerasedRow[]> {
  return many<ListUnerasedRow>(tx, listUnerasedStatement, [params.organizationId, params.userIds]);
}

export interface UpdateErasedParams {
  readonly userId: string;
  readonly limit: number;
}

export interface UpdateErasedRow {
  readonly erased: number;
}

const updateErasedStatement: Statement = {
  name: "erasures/update_erased",
  text: `select /* erasures/update_erased */ app.erase_person($1, $2::int) as erased`,
};

/** Erases so many rows of each table of what is personal of somebody; nothing is left when it erases none. */
export function updateErased(tx: TenantTx, params: UpdateErasedParams): Promise<UpdateErasedRow> {
  return one<UpdateErasedRow>(tx, updateErasedStatement, [params.userId, params.limit]);
}

export interface UpdateFinishedParams {
  readonly organizationId: string;
  readonly userId: string;
}

const updateFinishedStatement: Statement = {
  name: "erasures/update_finished",
  text: `update /* erasures/update_finished */ app.erasure set finished_at = now()
where organization_id = $1 and user_id = $2 and started_at is not null and finished_at is null`,
};

/** Marks an erasure as finished. */
export function updateFinished(tx: TenantTx, params: UpdateFinishedParams): Promise<number> {
  return count(tx, updateFinishedStatement, [params.organizationId, params.userId]);
}

export interface UpdateStartedParams {
  readonly organizationId: string;
  readonly userId: string;
}

export interface UpdateStartedRow {
  readonly requestedAt: Date;
  readonly runningSeconds: number;
}

const updateStartedStatement: Statement = {
  name: "erasures/update_started",
  text: `update /* erasures/update_started */ app.erasure set started_at = coalesce(started_at, now())
where organization_id = $1 and user_id = $2 and finished_at is null
returning requested_at, extract(epoch from now() - started_at)::float8 as running_seconds`,
};

/** Marks an erasure as under way, if it is not finished. Also one that was under way before: for how long. */
export function updateStarted(tx: TenantTx, params: UpdateStartedParams): Promise<UpdateStartedRow | null> {
  return maybe<UpdateStartedRow>(tx, updateStartedStatement, [params.organizationId, params.userId]);
}
