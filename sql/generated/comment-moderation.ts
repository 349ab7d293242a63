// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, many, maybe } from "../tx.ts";

export interface ListDeletedParams {
  readonly organizationId: string;
  readonly teacherId: string | null;
  readonly afterId: string | null;
  readonly limit: number;
}

export interface ListDeletedRow {
  readonly commentId: string;
}

const listDeletedStatement: Statement = {
  name: "comment-moderation/list_deleted",
  text: `select /* comment-moderation/list_deleted */ c.comment_id
from app.comment c
join app.content l on l.organization_id = c.organization_id and l.content_id = c.content_id and l.deleted_at is null
where c.organization_id = $1 and c.deleted_at is not null and c.body is not null
  and ($2::uuid is null or l.created_by_id = $2)
  and c.comment_id > case when $3::uuid is null then '00000000-0000-0000-0000-000000000000' else $3::uuid end
order by c.comment_id
limit $4::int`,
};

/** Deleted comments of live lessons, oldest first; as list_unapproved. */
export function listDeleted(tx: TenantTx, params: ListDeletedParams): Promise<readonly ListDeletedRow[]> {
  return many<ListDeletedRow>(tx, listDeletedStatement, [
    params.organizationId,
    params.teacherId,
    params.afterId,
    params.limit,
  ]);
}

export interface ListFlaggedParams {
  readonly organizationId: string;
  readonly afterId: string | null;
  readonly teacherId: string | null;
  readonly limit: number;
}

export interface ListFlaggedRow {
  readonly commentId: string;
}

const listFlaggedStatement: Statement = {
  name: "comment-moderation/list_flagged",
  text: `select /* comment-moderation/list_flagged */ f.comment_id
from (
  select distinct organization_id, comment_id from app.comment_flag
  where organization_id = $1 and resolved_at is null
    and comment_id > case when $2::uuid is null then '00000000-0000-0000-0000-000000000000' else $2::uuid end
  order by organization_id, comment_id
) f
join app.comment c on c.organization_id = f.organization_id and c.comment_id = f.comment_id
join app.content l on l.organization_id = c.organization_id and l.content_id = c.content_id and l.deleted_at is null
where c.deleted_at is null and c.body is not null
  and ($3::uuid is null or l.created_by_id = $3)
order by f.comment_id
limit $4::int`,
};

/** Live comments that somebody has flagged since a moderator last looked, oldest first; as list_unapproved. */
export function listFlagged(tx: TenantTx, params: ListFlaggedParams): Promise<readonly ListFlaggedRow[]> {
  return many<ListFlaggedRow>(tx, listFlaggedStatement, [
    params.organizationId,
    params.afterId,
    params.teacherId,
    params.limit,
  ]);
}

export interface ListFlagsParams {
  readonly organizationId: string;
  readonly commentId: string;
  readonly afterId: string | null;
  readonly limit: number;
}

export interface ListFlagsRow {
  readonly userId: string;
  readonly reason: "spam" | "abuse" | "personal_data" | "off_topic" | "other";
  readonly flaggedAt: Date;
  readonly resolvedAt: Date | null;
  readonly resolvedById: string | null;
  readonly resolution: "dismissed" | "upheld" | null;
}

const listFlagsStatement: Statement = {
  name: "comment-moderation/list_flags",
  text: `select /* comment-moderation/list_flags */ user_id, reason, flagged_at, resolved_at, resolved_by_id, resolution
from app.comment_flag
where organization_id = $1 and comment_id = $2
  and user_id > case when $3::uuid is null then '00000000-0000-0000-0000-000000000000' else $3::uuid end
order by user_id
limit $4::int`,
};

/** Who flagged a comment and why, by who they are. */
export function listFlags(tx: TenantTx, params: ListFlagsParams): Promise<readonly ListFlagsRow[]> {
  return many<ListFlagsRow>(tx, listFlagsStatement, [
    params.organizationId,
    params.commentId,
    params.afterId,
    params.limit,
  ]);
}

export interface ListUnapprovedParams {
  readonly organizationId: string;
  readonly state: string;
  readonly teacherId: string | null;
  readonly afterId: string | null;
  readonly limit: number;
}

export interface ListUnapprovedRow {
  readonly commentId: string;
}

const listUnapprovedStatement: Statement = {
  name: "comment-moderation/list_unapproved",
  text: `select /* comment-moderation/list_unapproved */ c.comment_id
from app.comment c
join app.content l on l.organization_id = c.organization_id and l.content_id = c.content_id and l.deleted_at is null
where c.organization_id = $1 and c.state = $2 and c.state <> 'approved'
  and c.deleted_at is null and c.body is not null
  and ($3::uuid is null or l.created_by_id = $3)
  and c.comment_id > case when $4::uuid is null then '00000000-0000-0000-0000-000000000000' else $4::uuid end
order by c.comment_id
limit $5::int`,
};

/** Live comments in a state other than approved, of live lessons, oldest first; of one author's lessons, or of all. */
export function listUnapproved(
  tx: TenantTx,
  params: ListUnapprovedParams,
): Promise<readonly ListUnapprovedRow[]> {
  return many<ListUnapprovedRow>(tx, listUnapprovedStatement, [
    params.organizationId,
    params.state,
    params.teacherId,
    params.afterId,
    params.limit,
  ]);
}

export interface UpdateFlagsResolvedParams {
  readonly resolution: string;
  readonly organizationId: string;
  readonly commentId: string;
}

const updateFlagsResolvedStatement: Statement = {
  name: "comment-moderation/update_flags_resolved",
  text: `update /* comment-moderation/update_flags_resolved */ app.comment_flag
set resolved_at = now(), resolved_by_id = app.actor(), resolution = $1
where organization_id = $2 and comment_id = $3 and resolved_at is null`,
};

/** A moderator has looked at a comment: its open flags are dismissed, or were right. */
export function updateFlagsResolved(tx: TenantTx, params: UpdateFlagsResolvedParams): Promise<number> {
  return count(tx, updateFlagsResolvedStatement, [
    params.resolution,
    params.organizationId,
    params.commentId,
  ]);
}

export interface UpdateStateParams {
  readonly state: string;
  readonly organizationId: string;
  readonly commentId: string;
}

const updateStateStatement: Statement = {
  name: "comment-moderation/update_state",
  text: `update /* comment-moderation/update_state */ app.comment
set state = $1
where organization_id = $2 and comment_id = $3 and deleted_at is null and state <> $1`,
};

/** Shows a live comment to everybody, or hides it from them. */
export function updateState(tx: TenantTx, params: UpdateStateParams): Promise<number> {
  return count(tx, updateStateStatement, [params.state, params.organizationId, params.commentId]);
}

export interface UpsertFlagParams {
  readonly organizationId: string;
  readonly commentId: string;
  readonly userId: string;
  readonly reason: string;
}

export interface UpsertFlagRow {
  readonly userId: string;
  readonly reason: "spam" | "abuse" | "personal_data" | "off_topic" | "other";
  readonly flaggedAt: Date;
  readonly resolvedAt: Date | null;
  readonly resolvedById: string | null;
  readonly resolution: "dismissed" | "upheld" | null;
}

const upsertFlagStatement: Statement = {
  name: "comment-moderation/upsert_flag",
  text: `insert /* comment-moderation/upsert_flag */ into app.comment_flag as f (organization_id, comment_id, user_id, reason)
values ($1, $2, $3, $4)
on conflict (organization_id, comment_id, user_id) do update
set reason = excluded.reason, flagged_at = now(), resolved_at = null, resolved_by_id = null, resolution = null
where f.resolved_at < (
  select c.edited_at from app.comment c where c.organization_id = f.organization_id and c.comment_id = f.comment_id
)
returning user_id, reason, flagged_at, resolved_at, resolved_by_id, resolution`,
};

/** Flags a comment. Somebody who has done so before does so again only if the comment was edited after a moderator looked. */
export function upsertFlag(tx: TenantTx, params: UpsertFlagParams): Promise<UpsertFlagRow | null> {
  return maybe<UpsertFlagRow>(tx, upsertFlagStatement, [
    params.organizationId,
    params.commentId,
    params.userId,
    params.reason,
  ]);
}
