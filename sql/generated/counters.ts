// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, many, one } from "../tx.ts";

export interface DeleteCompletionParams {
  readonly organizationId: string;
  readonly contentId: string;
  readonly userId: string;
}

const deleteCompletionStatement: Statement = {
  name: "counters/delete_completion",
  text: `delete /* counters/delete_completion */ from app.completion
where organization_id = $1 and content_id = $2 and user_id = $3`,
};

/** Takes back that a person has completed a lesson. */
export function deleteCompletion(tx: TenantTx, params: DeleteCompletionParams): Promise<number> {
  return count(tx, deleteCompletionStatement, [params.organizationId, params.contentId, params.userId]);
}

export interface GetCountsParams {
  readonly organizationId: string;
  readonly contentId: string;
}

export interface GetCountsRow {
  readonly views: number;
  readonly viewers: number;
  readonly completions: number;
}

const getCountsStatement: Statement = {
  name: "counters/get_counts",
  text: `select /* counters/get_counts */ (coalesce(t.views, 0) + v.views)::bigint as views, coalesce(t.viewers, 0) + v.viewers as viewers, c.completions
from (
  select coalesce(sum(views), 0) as views, count(*) as viewers from app.content_view
  where organization_id = $1 and content_id = $2
) v
cross join (
  select count(*) as completions from app.completion
  where organization_id = $1 and content_id = $2
) c
left join app.content_tally t on t.organization_id = $1 and t.content_id = $2`,
};

/** How often a lesson was read, by how many, and how many have completed it. */
export function getCounts(tx: TenantTx, params: GetCountsParams): Promise<GetCountsRow> {
  return one<GetCountsRow>(tx, getCountsStatement, [params.organizationId, params.contentId]);
}

export interface ListOfContentParams {
  readonly organizationId: string;
  readonly contentId: string;
  readonly beforeId: string | null;
  readonly limit: number;
}

export interface ListOfContentRow {
  readonly completionId: string;
  readonly contentId: string;
  readonly userId: string;
  readonly createdAt: Date;
}

const listOfContentStatement: Statement = {
  name: "counters/list_of_content",
  text: `select /* counters/list_of_content */ c.completion_id, c.content_id, c.user_id, c.created_at
from app.completion c
where c.organization_id = $1 and c.content_id = $2
  and c.completion_id < coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
order by c.completion_id desc
limit $4::int`,
};

/** Who has completed a lesson, the latest first. */
export function listOfContent(
  tx: TenantTx,
  params: ListOfContentParams,
): Promise<readonly ListOfContentRow[]> {
  return many<ListOfContentRow>(tx, listOfContentStatement, [
    params.organizationId,
    params.contentId,
    params.beforeId,
    params.limit,
  ]);
}

export interface ListOfPersonParams {
  readonly organizationId: string;
  readonly userId: string;
  readonly beforeId: string | null;
  readonly limit: number;
}

export interface ListOfPersonRow {
  readonly completionId: string;
  readonly contentId: string;
  readonly userId: string;
  readonly createdAt: Date;
}

const listOfPersonStatement: Statement = {
  name: "counters/list_of_person",
  text: `select /* counters/list_of_person */ c.completion_id, c.content_id, c.user_id, c.created_at
from app.completion c
where c.organization_id = $1 and c.user_id = $2
  and c.completion_id < coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  and exists (
    select from app.content l
    where l.organization_id = c.organization_id and l.content_id = c.content_id and l.deleted_at is null
  )
order by c.completion_id desc
limit $4::int`,
};

/** What a person has completed, the latest first. Lessons that are deleted are left out. */
export function listOfPerson(tx: TenantTx, params: ListOfPersonParams): Promise<readonly ListOfPersonRow[]> {
  return many<ListOfPersonRow>(tx, listOfPersonStatement, [
    params.organizationId,
    params.userId,
    params.beforeId,
    params.limit,
  ]);
}

export interface PruneViewsParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneViewsStatement: Statement = {
  name: "counters/prune_views",
  text: `with /* counters/prune_views */ old as materialized (
  select content_id, user_id from app.content_view
  where organization_id = $1 and last_hour < now() - interval '400 days'
  order by last_hour
  limit $2::int
  for update skip locked
)
delete from app.content_view v
using old
where v.organization_id = $1 and v.content_id = old.content_id and v.user_id = old.user_id`,
};

/** Removes, at most so many at a time, who read a lesson last more than 400 days ago. What they counted stays counted. */
export function pruneViews(tx: TenantTx, params: PruneViewsParams): Promise<number> {
  return count(tx, pruneViewsStatement, [params.organizationId, params.limit]);
}

export interface UpsertCompletionParams {
  readonly organizationId: string;
  readonly completionId: string;
  readonly contentId: string;
  readonly userId: string;
}

export interface UpsertCompletionRow {
  readonly completionId: string;
  readonly contentId: string;
  readonly userId: string;
  readonly createdAt: Date;
}

const upsertCompletionStatement: Statement = {
  name: "counters/upsert_completion",
  text: `insert /* counters/upsert_completion */ into app.completion as c (organization_id, completion_id, content_id, user_id)
values ($1, $2, $3, $4)
on conflict (organization_id, content_id, user_id) do update set completion_id = c.completion_id
returning completion_id, content_id, user_id, created_at`,
};

/** Says that a person has completed a lesson. Who has said so before is given what was there. */
export function upsertCompletion(tx: TenantTx, params: UpsertCompletionParams): Promise<UpsertCompletionRow> {
  return one<UpsertCompletionRow>(tx, upsertCompletionStatement, [
    params.organizationId,
    params.completionId,
    params.contentId,
    params.userId,
  ]);
}

export interface UpsertViewParams {
  readonly organizationId: string;
  readonly contentId: string;
  readonly userId: string;
  readonly now: Date | null;
}

const upsertViewStatement: Statement = {
  name: "counters/upsert_view",
  text: `insert /* counters/upsert_view */ into app.content_view as v (organization_id, content_id, user_id, last_hour)
values ($1, $2, $3, date_bin('1 hour', coalesce($4::timestamptz, now()), '2000-01-01 00:00:00+00'))
on conflict (organization_id, content_id, user_id) do update
  set views = v.views + 1, last_hour = excluded.last_hour
  where v.last_hour < excluded.last_hour`,
};

/** Counts that a person reads a lesson, unless this hour is counted already: 1 or 0. */
export function upsertView(tx: TenantTx, params: UpsertViewParams): Promise<number> {
  return count(tx, upsertViewStatement, [params.organizationId, params.contentId, params.userId, params.now]);
}
