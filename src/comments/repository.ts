/** Rows of comments and of votes for them, in and out. */
import * as sql from "#sql/comments";
import type { TenantTx } from "../../sql/tx.ts";

export const COMMENT_STATES = ["waiting", "approved", "rejected"] as const;
export type CommentState = (typeof COMMENT_STATES)[number];

/** A comment as it is stored, whoever may see what of it. */
export interface StoredComment {
  readonly id: string;
  readonly contentId: string;
  readonly parentId: string | null;
  readonly authorId: string;
  /** Null: its author is erased. */
  readonly body: string | null;
  readonly state: CommentState;
  readonly editedAt: Date | null;
  readonly version: number;
  readonly createdAt: Date;
  readonly deletedAt: Date | null;
  readonly upvotes: number;
  /** How many comments that everybody sees stand below it, at any depth. */
  readonly replies: number;
  /** Whether the reader agrees. */
  readonly upvoted: boolean;
  /** Flags that no moderator has looked at yet. */
  readonly flags: number;
}

/** What a change of a comment depends on. */
export interface LockedComment {
  readonly id: string;
  readonly contentId: string;
  readonly authorId: string;
  readonly body: string | null;
  readonly state: CommentState;
  readonly version: number;
  readonly deletedAt: Date | null;
  readonly deletedById: string | null;
}

export const COMMENT_ORDERS = ["newest", "oldest", "mostUpvoted"] as const;
export type CommentOrder = (typeof COMMENT_ORDERS)[number];

/** Where a page ends. `upvotes`: as the comment was put in order by them, and only then. */
export interface CommentPosition {
  readonly id: string;
  readonly upvotes: number | null;
}

/** For whom a list is. */
export interface Reader {
  readonly readerId: string;
  /** Whether they see what waits or was rejected, whosever it is. Their own they see anyway. */
  readonly unapproved: boolean;
}

/** By id. What is not there is not among them. */
export async function listWhole(
  tx: TenantTx,
  organizationId: string,
  commentIds: readonly string[],
  readerId: string,
): Promise<ReadonlyMap<string, StoredComment>> {
  if (commentIds.length === 0) return new Map();
  const rows = await sql.listComments(tx, { organizationId, commentIds, readerId });
  return new Map(rows.map(({ commentId: id, ...row }) => [id, { id, ...row }]));
}

/** What stands directly under a lesson or a comment. */
export async function listUnder(
  tx: TenantTx,
  organizationId: string,
  underId: string,
  reader: Reader,
  order: CommentOrder,
  after: CommentPosition | null,
  limit: number,
): Promise<readonly CommentPosition[]> {
  const params = { organizationId, underId, ...reader, beyondId: after?.id ?? null, limit };
  if (order === "mostUpvoted") {
    const rows = await sql.listMostUpvoted(tx, { ...params, beyondUpvotes: after?.upvotes ?? null });
    return rows.map(({ commentId: id, upvotes }) => ({ id, upvotes }));
  }
  const rows = await (order === "newest" ? sql.listNewest : sql.listOldest)(tx, params);
  return rows.map(({ commentId: id }) => ({ id, upvotes: null }));
}

/** At most `each` of every parent, oldest first. */
export async function listFirstReplies(
  tx: TenantTx,
  organizationId: string,
  parentIds: readonly string[],
  reader: Reader,
  each: number,
): Promise<ReadonlyMap<string, readonly string[]>> {
  if (parentIds.length === 0) return new Map();
  const rows = await sql.listFirstReplies(tx, { organizationId, parentIds, ...reader, each });
  const grouped = Map.groupBy(rows, ({ parentId }) => parentId);
  return new Map([...grouped].map(([id, replies]) => [id, replies.map(({ commentId }) => commentId)]));
}

export async function listOwn(
  tx: TenantTx,
  organizationId: string,
  authorId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly CommentPosition[]> {
  const rows = await sql.listOwn(tx, { organizationId, authorId, beforeId, limit });
  return rows.map(({ commentId: id }) => ({ id, upvotes: null }));
}

export async function count(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await sql.listCounts(tx, { organizationId, contentIds });
  const counted = new Map(rows.map(({ contentId, comments }) => [contentId, comments]));
  return new Map(contentIds.map((id) => [id, counted.get(id) ?? 0]));
}

/** Live or deleted. */
export async function find(
  tx: TenantTx,
  organizationId: string,
  commentId: string,
): Promise<{ readonly id: string; readonly contentId: string; readonly authorId: string } | null> {
  const row = await sql.findComment(tx, { organizationId, commentId });
  return row === null ? null : { id: row.commentId, contentId: row.contentId, authorId: row.authorId };
}

/** Live or deleted, held until the transaction ends. */
export async function lock(
  tx: TenantTx,
  organizationId: string,
  commentId: string,
): Promise<LockedComment | null> {
  const row = await sql.lockComment(tx, { organizationId, commentId });
  if (row === null) return null;
  const { commentId: id, ...rest } = row;
  return { id, ...rest };
}

/** How deep a comment of this lesson stands that everybody sees, held until the transaction ends; null: there is none. */
export async function lockParent(
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  parentId: string,
): Promise<{ readonly depth: number } | null> {
  return sql.lockParent(tx, { organizationId, contentId, parentId });
}

export interface NewComment {
  readonly commentId: string;
  readonly contentId: string;
  readonly parentId: string | null;
  readonly authorId: string;
  readonly body: string;
  readonly state: CommentState;
}

export const insert = (tx: TenantTx, organizationId: string, comment: NewComment): Promise<number> =>
  sql.insertComment(tx, { organizationId, ...comment });

export const updateBody = (
  tx: TenantTx,
  organizationId: string,
  commentId: string,
  body: string,
  state: CommentState,
): Promise<number> => sql.updateBody(tx, { organizationId, commentId, body, state });

export const softDelete = (tx: TenantTx, organizationId: string, commentId: string): Promise<number> =>
  sql.updateDeleted(tx, { organizationId, commentId, deletionId: Bun.randomUUIDv7() });

export const restore = (tx: TenantTx, organizationId: string, commentId: string): Promise<number> =>
  sql.updateRestored(tx, { organizationId, commentId });

export const insertUpvote = (
  tx: TenantTx,
  organizationId: string,
  commentId: string,
  userId: string,
): Promise<number> => sql.insertUpvote(tx, { organizationId, commentId, userId });

export const deleteUpvote = (
  tx: TenantTx,
  organizationId: string,
  commentId: string,
  userId: string,
): Promise<number> => sql.deleteUpvote(tx, { organizationId, commentId, userId });
