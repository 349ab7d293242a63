// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, many, maybe } from "../tx.ts";

export interface DeleteUpvoteParams {
  readonly organizationId: string;
  readonly commentId: string;
  readonly userId: string;
}

const deleteUpvoteStatement: Statement = {
  name: "comments/delete_upvote",
  text: `delete /* comments/delete_upvote */ from app.comment_upvote
where organization_id = $1 and comment_id = $2 and user_id = $3`,
};

/** Somebody no longer agrees with a comment. */
export function deleteUpvote(tx: TenantTx, params: DeleteUpvoteParams): Promise<number> {
  return count(tx, deleteUpvoteStatement, [params.organizationId, params.commentId, params.userId]);
}

export interface FindCommentParams {
  readonly organizationId: string;
  readonly commentId: string;
}

export interface FindCommentRow {
  readonly commentId: string;
  readonly contentId: string;
  readonly authorId: string;
}

const findCommentStatement: Statement = {
  name: "comments/find_comment",
  text: `select /* comments/find_comment */ comment_id, content_id, author_id
from app.comment
where organization_id = $1 and comment_id = $2`,
};

/** Of one comment, live or deleted: on which lesson it is and whose. */
export function findComment(tx: TenantTx, params: FindCommentParams): Promise<FindCommentRow | null> {
  return maybe<FindCommentRow>(tx, findCommentStatement, [params.organizationId, params.commentId]);
}

export interface InsertCommentParams {
  readonly organizationId: string;
  readonly commentId: string;
  readonly contentId: string;
  readonly parentId: string | null;
  readonly authorId: string;
  readonly body: string;
  readonly state: string;
}

const insertCommentStatement: Statement = {
  name: "comments/insert_comment",
  text: `insert /* comments/insert_comment */ into app.comment (organization_id, comment_id, content_id, parent_id, author_id, body, state)
values ($1, $2, $3, $4, $5, $6, $7)`,
};

/** Adds a comment. */
export function insertComment(tx: TenantTx, params: InsertCommentParams): Promise<number> {
  return count(tx, insertCommentStatement, [
    params.organizationId,
    params.commentId,
    params.contentId,
    params.parentId,
    params.authorId,
    params.body,
    params.state,
  ]);
}

export interface InsertUpvoteParams {
  readonly organizationId: string;
  readonly commentId: string;
  readonly userId: string;
}

const insertUpvoteStatement: Statement = {
  name: "comments/insert_upvote",
  text: `insert /* comments/insert_upvote */ into app.comment_upvote (organization_id, comment_id, user_id)
values ($1, $2, $3)
on conflict (organization_id, comment_id, user_id) do nothing`,
};

/** Somebody agrees with a comment; nothing happens when they do already. */
export function insertUpvote(tx: TenantTx, params: InsertUpvoteParams): Promise<number> {
  return count(tx, insertUpvoteStatement, [params.organizationId, params.commentId, params.userId]);
}

export interface ListCommentsParams {
  readonly organizationId: string;
  readonly readerId: string;
  readonly commentIds: readonly string[];
}

export interface ListCommentsRow {
  readonly commentId: string;
  readonly contentId: string;
  readonly parentId: string | null;
  readonly authorId: string;
  readonly body: string | null;
  readonly state: "waiting" | "approved" | "rejected";
  readonly editedAt: Date | null;
  readonly version: number;
  readonly createdAt: Date;
  readonly deletedAt: Date | null;
  readonly upvotes: number;
  readonly replies: number;
  readonly upvoted: boolean;
  readonly flags: number;
}

const listCommentsStatement: Statement = {
  name: "comments/list_comments",
  text: `select /* comments/list_comments */ c.comment_id, c.content_id, c.parent_id, c.author_id, c.body, c.state, c.edited_at, c.version, c.created_at,
  c.deleted_at, s.upvotes, app.count_replies(c.organization_id, c.content_id, c.path) as replies,
  exists (
    select from app.comment_upvote u
    where u.organization_id = $1 and u.comment_id = c.comment_id and u.user_id = $2
  ) as upvoted,
  (
    select count(*)::int from app.comment_flag f
    where f.organization_id = $1 and f.comment_id = c.comment_id and f.resolved_at is null
  ) as flags
from app.comment c
join app.comment_score s on s.organization_id = c.organization_id and s.comment_id = c.comment_id
where c.organization_id = $1 and c.comment_id = any($3::uuid[])
order by c.comment_id`,
};

/** Comments by their ids, whole, with what others made of them and whether the reader agrees; also deleted ones. */
export function listComments(tx: TenantTx, params: ListCommentsParams): Promise<readonly ListCommentsRow[]> {
  return many<ListCommentsRow>(tx, listCommentsStatement, [
    params.organizationId,
    params.readerId,
    params.commentIds,
  ]);
}

export interface ListCountsParams {
  readonly organizationId: string;
  readonly contentIds: readonly string[];
}

export interface ListCountsRow {
  readonly contentId: string;
  readonly comments: number;
}

const listCountsStatement: Statement = {
  name: "comments/list_counts",
  text: `select /* comments/list_counts */ content_id, count(*)::int as comments
from app.comment
where organization_id = $1 and content_id = any($2::uuid[])
  and deleted_at is null and state = 'approved' and body is not null
group by content_id
order by content_id`,
};

/** How many comments everybody sees of each of these lessons; one without any is not among them. */
export function listCounts(tx: TenantTx, params: ListCountsParams): Promise<readonly ListCountsRow[]> {
  return many<ListCountsRow>(tx, listCountsStatement, [params.organizationId, params.contentIds]);
}

export interface ListFirstRepliesParams {
  readonly parentIds: readonly string[];
  readonly organizationId: string;
  readonly unapproved: boolean;
  readonly readerId: string;
  readonly each: number;
}

export interface ListFirstRepliesRow {
  readonly parentId: string;
  readonly commentId: string;
}

const listFirstRepliesStatement: Statement = {
  name: "comments/list_first_replies",
  text: `select /* comments/list_first_replies */ p.comment_id as parent_id, r.comment_id
from unnest($1::uuid[]) as p (comment_id)
cross join lateral (
  select c.comment_id from app.comment c
  where c.organization_id = $2 and c.under_id = p.comment_id
    and (
      (c.deleted_at is null and c.body is not null and (c.state = 'approved' or $3::boolean or c.author_id = $4))
      or app.count_replies(c.organization_id, c.content_id, c.path) > 0
    )
  order by c.comment_id
  limit $5::int
) r
order by r.comment_id`,
};

/** The first replies of each of several comments, oldest first, as list_oldest gives them. */
export function listFirstReplies(
  tx: TenantTx,
  params: ListFirstRepliesParams,
): Promise<readonly ListFirstRepliesRow[]> {
  return many<ListFirstRepliesRow>(tx, listFirstRepliesStatement, [
    params.parentIds,
    params.organizationId,
    params.unapproved,
    params.readerId,
    params.each,
  ]);
}

export interface ListMostUpvotedParams {
  readonly organizationId: string;
  readonly underId: string;
  readonly beyondUpvotes: number | null;
  readonly beyondId: string | null;
  readonly unapproved: boolean;
  readonly readerId: string;
  readonly limit: number;
}

export interface ListMostUpvotedRow {
  readonly commentId: string;
  readonly upvotes: number;
}

const listMostUpvotedStatement: Statement = {
  name: "comments/list_most_upvoted",
  text: `select /* comments/list_most_upvoted */ s.comment_id, s.upvotes
from app.comment_score s
join app.comment c on c.organization_id = s.organization_id and c.comment_id = s.comment_id
where s.organization_id = $1 and s.under_id = $2
  and (s.upvotes, s.comment_id) < (
    case when $3::int is null then 2147483647 else $3::int end,
    case when $4::uuid is null then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else $4::uuid end
  )
  and (
    (c.deleted_at is null and c.body is not null and (c.state = 'approved' or $5::boolean or c.author_id = $6))
    or app.count_replies(c.organization_id, c.content_id, c.path) > 0
  )
order by s.upvotes desc, s.comment_id desc
limit $7::int`,
};

/**
 * As list_newest, by how many agree and then newest first. A case, and not coalesce: under a policy only it may be looked
 * up in the index, and a page deep in the list would read all before it.
 */
export function listMostUpvoted(
  tx: TenantTx,
  params: ListMostUpvotedParams,
): Promise<readonly ListMostUpvotedRow[]> {
  return many<ListMostUpvotedRow>(tx, listMostUpvotedStatement, [
    params.organizationId,
    params.underId,
    params.beyondUpvotes,
    params.beyondId,
    params.unapproved,
    params.readerId,
    params.limit,
  ]);
}

export interface ListNewestParams {
  readonly organizationId: string;
  readonly underId: string;
  readonly beyondId: string | null;
  readonly unapproved: boolean;
  readonly readerId: string;
  readonly limit: number;
}

export interface ListNewestRow {
  readonly commentId: string;
}

const listNewestStatement: Statement = {
  name: "comments/list_newest",
  text: `select /* comments/list_newest */ c.comment_id
from app.comment c
where c.organization_id = $1 and c.under_id = $2
  and c.comment_id < case when $3::uuid is null then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else $3::uuid end
  and (
    (c.deleted_at is null and c.body is not null and (c.state = 'approved' or $4::boolean or c.author_id = $5))
    or app.count_replies(c.organization_id, c.content_id, c.path) > 0
  )
order by c.comment_id desc
limit $6::int`,
};

/**
 * What stands directly under a lesson or a comment, newest first: the ids of what a reader sees, and of what is gone but still
 * has visible replies below it.
 */
export function listNewest(tx: TenantTx, params: ListNewestParams): Promise<readonly ListNewestRow[]> {
  return many<ListNewestRow>(tx, listNewestStatement, [
    params.organizationId,
    params.underId,
    params.beyondId,
    params.unapproved,
    params.readerId,
    params.limit,
  ]);
}

export interface ListOldestParams {
  readonly organizationId: string;
  readonly underId: string;
  readonly beyondId: string | null;
  readonly unapproved: boolean;
  readonly readerId: string;
  readonly limit: number;
}

export interface ListOldestRow {
  readonly commentId: string;
}

const listOldestStatement: Statement = {
  name: "comments/list_oldest",
  text: `select /* comments/list_oldest */ c.comment_id
from app.comment c
where c.organization_id = $1 and c.under_id = $2
  and c.comment_id > case when $3::uuid is null then '00000000-0000-0000-0000-000000000000' else $3::uuid end
  and (
    (c.deleted_at is null and c.body is not null and (c.state = 'approved' or $4::boolean or c.author_id = $5))
    or app.count_replies(c.organization_id, c.content_id, c.path) > 0
  )
order by c.comment_id
limit $6::int`,
};

/**
 * What stands directly under a lesson or a comment, oldest first: the ids of what a reader sees, and of what is gone but still
 * has visible replies below it.
 */
export function listOldest(tx: TenantTx, params: ListOldestParams): Promise<readonly ListOldestRow[]> {
  return many<ListOldestRow>(tx, listOldestStatement, [
    params.organizationId,
    params.underId,
    params.beyondId,
    params.unapproved,
    params.readerId,
    params.limit,
  ]);
}

export interface ListOwnParams {
  readonly organizationId: string;
  readonly authorId: string;
  readonly beforeId: string | null;
  readonly limit: number;
}

export interface ListOwnRow {
  readonly commentId: string;
}

const listOwnStatement: Statement = {
  name: "comments/list_own",
  text: `select /* comments/list_own */ comment_id
from app.comment
where organization_id = $1 and author_id = $2 and deleted_at is null
  and comment_id < case when $3::uuid is null then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else $3::uuid end
order by comment_id desc
limit $4::int`,
};

/** What somebody has written and not deleted, newest first. */
export function listOwn(tx: TenantTx, params: ListOwnParams): Promise<readonly ListOwnRow[]> {
  return many<ListOwnRow>(tx, listOwnStatement, [
    params.organizationId,
    params.authorId,
    params.beforeId,
    params.limit,
  ]);
}

export interface LockCommentParams {
  readonly organizationId: string;
  readonly commentId: string;
}

export interface LockCommentRow {
  readonly commentId: string;
  readonly contentId: string;
  readonly authorId: string;
  readonly body: string | null;
  readonly state: "waiting" | "approved" | "rejected";
  readonly version: number;
  readonly deletedAt: Date | null;
  readonly deletedById: string | null;
}

const lockCommentStatement: Statement = {
  name: "comments/lock_comment",
  text: `select /* comments/lock_comment */ comment_id, content_id, author_id, body, state, version, deleted_at, deleted_by_id
from app.comment
where organization_id = $1 and comment_id = $2
for update`,
};

/** One comment, live or deleted, held until the transaction ends. */
export function lockComment(tx: TenantTx, params: LockCommentParams): Promise<LockCommentRow | null> {
  return maybe<LockCommentRow>(tx, lockCommentStatement, [params.organizationId, params.commentId]);
}

export interface LockParentParams {
  readonly organizationId: string;
  readonly contentId: string;
  readonly parentId: string;
}

export interface LockParentRow {
  readonly commentId: string;
  readonly depth: number;
}

const lockParentStatement: Statement = {
  name: "comments/lock_parent",
  text: `select /* comments/lock_parent */ comment_id, octet_length(path) / 16 as depth
from app.comment
where organization_id = $1 and content_id = $2 and comment_id = $3
  and deleted_at is null and state = 'approved' and body is not null
for share`,
};

/**
 * A comment of this lesson that everybody sees, and so can be answered: it stays so until the transaction ends. Any number
 * may answer at once. How deep it stands: 1 is the top.
 */
export function lockParent(tx: TenantTx, params: LockParentParams): Promise<LockParentRow | null> {
  return maybe<LockParentRow>(tx, lockParentStatement, [
    params.organizationId,
    params.contentId,
    params.parentId,
  ]);
}

export interface UpdateBodyParams {
  readonly body: string;
  readonly state: string;
  readonly organizationId: string;
  readonly commentId: string;
}

const updateBodyStatement: Statement = {
  name: "comments/update_body",
  text: `update /* comments/update_body */ app.comment
set body = $1, state = $2, edited_at = now()
where organization_id = $3 and comment_id = $4 and deleted_at is null`,
};

/** Writes another text into a live comment. */
export function updateBody(tx: TenantTx, params: UpdateBodyParams): Promise<number> {
  return count(tx, updateBodyStatement, [params.body, params.state, params.organizationId, params.commentId]);
}

export interface UpdateDeletedParams {
  readonly deletionId: string;
  readonly organizationId: string;
  readonly commentId: string;
}

const updateDeletedStatement: Statement = {
  name: "comments/update_deleted",
  text: `update /* comments/update_deleted */ app.comment
set deleted_at = now(), deleted_by_id = app.actor(), deletion_id = $1
where organization_id = $2 and comment_id = $3 and deleted_at is null`,
};

/** Deletes a live comment softly, and nothing else. */
export function updateDeleted(tx: TenantTx, params: UpdateDeletedParams): Promise<number> {
  return count(tx, updateDeletedStatement, [params.deletionId, params.organizationId, params.commentId]);
}

export interface UpdateRestoredParams {
  readonly organizationId: string;
  readonly commentId: string;
}

const updateRestoredStatement: Statement = {
  name: "comments/update_restored",
  text: `update /* comments/update_restored */ app.comment
set deleted_at = null, deleted_by_id = null, deletion_id = null
where organization_id = $1 and comment_id = $2 and deleted_at is not null`,
};

/** Brings a deleted comment back. */
export function updateRestored(tx: TenantTx, params: UpdateRestoredParams): Promise<number> {
  return count(tx, updateRestoredStatement, [params.organizationId, params.commentId]);
}
