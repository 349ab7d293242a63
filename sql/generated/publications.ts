// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, many, maybe } from "../tx.ts";

export interface ListDueParams {
  readonly organizationId: string;
  readonly limit: number;
}

export interface ListDueRow {
  readonly contentId: string;
}

const listDueStatement: Statement = {
  name: "publications/list_due",
  text: `select /* publications/list_due */ content_id from app.content
where organization_id = $1 and deleted_at is null
  and (publish_at is not null or unpublish_at is not null) and least(publish_at, unpublish_at) <= now()
order by least(publish_at, unpublish_at)
limit $2::int`,
};

/** Lessons whose time has come, the longest overdue first. */
export function listDue(tx: TenantTx, params: ListDueParams): Promise<readonly ListDueRow[]> {
  return many<ListDueRow>(tx, listDueStatement, [params.organizationId, params.limit]);
}

export interface LockContentsParams {
  readonly organizationId: string;
  readonly contentIds: readonly string[];
}

export interface LockContentsRow {
  readonly contentId: string;
  readonly createdById: string | null;
  readonly status: "draft" | "pending_review" | "approved" | "rejected" | "published" | "archived";
  readonly liveNumber: number | null;
  readonly publishAt: Date | null;
  readonly unpublishAt: Date | null;
  readonly version: number;
  readonly deletedAt: Date | null;
}

const lockContentsStatement: Statement = {
  name: "publications/lock_contents",
  text: `select /* publications/lock_contents */ content_id, created_by_id, status, live_number, publish_at, unpublish_at, version, deleted_at
from app.content
where organization_id = $1 and content_id = any($2::uuid[])
order by content_id
for update`,
};

/**
 * What decides whether lessons may be published, without reading their texts. Live or deleted, held until the transaction
 * ends, always in one order: two sets must not wait for each other.
 */
export function lockContents(tx: TenantTx, params: LockContentsParams): Promise<readonly LockContentsRow[]> {
  return many<LockContentsRow>(tx, lockContentsStatement, [params.organizationId, params.contentIds]);
}

export interface UpdateCalledOffParams {
  readonly organizationId: string;
  readonly contentId: string;
}

const updateCalledOffStatement: Statement = {
  name: "publications/update_called_off",
  text: `update /* publications/update_called_off */ app.content
set publish_at = null
where organization_id = $1 and content_id = $2 and publish_at <= now()`,
};

/** Calls off the publication of a lesson whose time has come. */
export function updateCalledOff(tx: TenantTx, params: UpdateCalledOffParams): Promise<number> {
  return count(tx, updateCalledOffStatement, [params.organizationId, params.contentId]);
}

export interface UpdateDueParams {
  readonly organizationId: string;
  readonly contentId: string;
}

export interface UpdateDueRow {
  readonly contentId: string;
  readonly liveNumber: number | null;
}

const updateDueStatement: Statement = {
  name: "publications/update_due",
  text: `update /* publications/update_due */ app.content
set status = case when unpublish_at <= now() then case status when 'published' then 'draft' else status end else 'published' end,
  published_at = case when unpublish_at <= now() then null else coalesce(published_at, now()) end,
  publish_at = null,
  unpublish_at = case when unpublish_at <= now() then null else unpublish_at end
where organization_id = $1 and content_id = $2 and deleted_at is null
  and (publish_at is not null or unpublish_at is not null) and least(publish_at, unpublish_at) <= now()
returning content_id, live_number`,
};

/**
 * Does to a lesson what its time has come for, if it still has: of two who try, the second finds it done. One whose last
 * time has come as well is not shown any more.
 */
export function updateDue(tx: TenantTx, params: UpdateDueParams): Promise<UpdateDueRow | null> {
  return maybe<UpdateDueRow>(tx, updateDueStatement, [params.organizationId, params.contentId]);
}

export interface UpdatePublishedParams {
  readonly organizationId: string;
  readonly contentIds: readonly string[];
}

export interface UpdatePublishedRow {
  readonly contentId: string;
  readonly version: number;
  readonly liveNumber: number | null;
}

const updatePublishedStatement: Statement = {
  name: "publications/update_published",
  text: `update /* publications/update_published */ app.content
set status = 'published', published_at = coalesce(published_at, now()),
  reviewed_at = case when status = 'approved' then reviewed_at else now() end,
  reviewed_by_id = case when status = 'approved' then reviewed_by_id else app.actor() end
where organization_id = $1 and content_id = any($2::uuid[]) and deleted_at is null
returning content_id, version, live_number`,
};

/** Shows the texts of lessons to readers, all at once. Who publishes what nobody has approved is its reviewer. */
export function updatePublished(
  tx: TenantTx,
  params: UpdatePublishedParams,
): Promise<readonly UpdatePublishedRow[]> {
  return many<UpdatePublishedRow>(tx, updatePublishedStatement, [params.organizationId, params.contentIds]);
}
