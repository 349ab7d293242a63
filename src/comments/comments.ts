/**
 * What people say to each other under a lesson: threads of bounded depth, votes, and what was written before an edit. What
 * moderators do with comments is in src/comment-moderation.
 */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { auditIn } from "../audit/audit.ts";
import { holdVisibleContentIn, requireVisibleContentIn, type VisibleContent } from "../contents/contents.ts";
import { withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { forbidden, notFound, refusal } from "../errors.ts";
import { type Change, listChanges } from "../history/history.ts";
import { renderMarkdown } from "../markdown.ts";
import { getOrganization } from "../organizations/organizations.ts";
import { isStaff, type MemberOperation, mayAct } from "../permissions.ts";
import { commentsWait } from "../settings.ts";
import { type Author, listAuthorsIn } from "../users/users.ts";
import { type ExpectedVersion, requireVersion } from "../versions.ts";
import type {
  CommentOrder,
  CommentPosition,
  CommentState,
  LockedComment,
  Reader,
  StoredComment,
} from "./repository.ts";
import * as rows from "./repository.ts";

export type { Change } from "../history/history.ts";
export type { Author } from "../users/users.ts";
export {
  COMMENT_ORDERS,
  type CommentOrder,
  type CommentPosition,
  type CommentState,
  type LockedComment,
} from "./repository.ts";

export const parentNotFound = refusal(
  "invalid",
  "comment_parent_not_found",
  "There is no comment on this lesson that could be answered by this id",
);
export const tooDeep = refusal(
  "conflict",
  "comment_too_deep",
  "The thread goes no deeper: answer a comment further up",
);
export const commentNotDeleted = refusal("conflict", "comment_not_deleted", "The comment is not deleted");
export const ownComment = refusal("forbidden", "own_comment", "Nobody does this to a comment of their own");

/**
 * How deep a thread goes, its top included. Each level is indented once more and asked for once more: on a telephone
 * nobody follows a sixth, and whoever answers there talks to one person.
 */
export const DEEPEST = 5;
/** Of the replies that come along with a comment. */
export const FIRST_REPLIES = 3;

/** `deleted`: by somebody, or because its author was erased. */
export type ShownState = CommentState | "deleted";
export const SHOWN_STATES = [
  "waiting",
  "approved",
  "rejected",
  "deleted",
] as const satisfies readonly ShownState[];

/** A comment as one reader sees it. */
export interface Comment {
  readonly id: string;
  readonly contentId: string;
  readonly parentId: string | null;
  readonly state: ShownState;
  /** Both null where only the place of the comment is left in its thread. */
  readonly body: string | null;
  readonly authorId: string | null;
  readonly editedAt: Date | null;
  readonly version: number;
  readonly createdAt: Date;
  readonly upvoteCount: number;
  readonly upvotedByMe: boolean;
  /** Comments below it that everybody sees, at any depth. */
  readonly replyCount: number;
  /** Flags that no moderator has looked at; null for who is no staff. */
  readonly flagCount: number | null;
  /** When asked for. Null: the author is deleted or erased, or the comment is not shown. */
  readonly author?: Author | null;
  /** When asked for: the first ones, oldest first. */
  readonly replies?: readonly Comment[];
  /** When asked for: the text as HTML that may be put into any page. */
  readonly html?: string | null;
}

/** What comes along with comments. */
export interface Along {
  readonly author: boolean;
  readonly replies: boolean;
}

export interface ListedComment {
  readonly comment: Comment;
  readonly position: CommentPosition;
}

// ── Who sees what ───────────────────────────────────────────────────────────────────────────────────────────────────

type Seen = Pick<StoredComment, "authorId" | "body" | "state" | "deletedAt">;

/** Whether everybody sees it who sees the lesson. */
const isShown = ({ deletedAt, body, state }: Seen): boolean =>
  deletedAt === null && body !== null && state === "approved";

/** Whether this reader sees it whatever state it is in: staff and its author do. */
const isInsider = (actor: Actor, { authorId }: Pick<Seen, "authorId">): boolean =>
  isStaff(actor.role) || authorId === actor.userId;

const readerOf = (actor: Actor): Reader => ({ readerId: actor.userId, unapproved: isStaff(actor.role) });

/**
 * The comment for this reader, without its text and its author where it is only a place in a thread. `deletedToo`: staff
 * and its author are shown also what is deleted, where one comment or the work of moderators is asked for.
 */
function disclose(actor: Actor, row: StoredComment, deletedToo: boolean): Comment {
  const { id, contentId, parentId, version, createdAt, replies: replyCount } = row;
  const insider = isInsider(actor, row) && (row.deletedAt === null || deletedToo);
  const shown = row.body !== null && (isShown(row) || insider);
  const state = row.deletedAt !== null || row.body === null ? "deleted" : row.state;
  return {
    ...{ id, contentId, parentId, state, version, createdAt, replyCount },
    body: shown ? row.body : null,
    authorId: shown ? row.authorId : null,
    editedAt: shown ? row.editedAt : null,
    upvoteCount: shown ? row.upvotes : 0,
    upvotedByMe: shown && row.upvoted,
    flagCount: isStaff(actor.role) ? row.flags : null,
  };
}

/**
 * Comments by their ids, in that order, as this reader sees them: one query, and one more for each thing that comes
 * along. That the reader may see them at all is for the caller to say. Inside a transaction.
 */
export async function readCommentsIn(
  tx: TenantTx,
  actor: Actor,
  ids: readonly string[],
  along: Along,
  { deletedToo }: { readonly deletedToo: boolean },
): Promise<readonly Comment[]> {
  const { organizationId } = actor;
  const firstReplies = along.replies
    ? await rows.listFirstReplies(tx, organizationId, ids, readerOf(actor), FIRST_REPLIES)
    : new Map<string, readonly string[]>();
  const wanted = [...ids, ...[...firstReplies.values()].flat()];
  const stored = await rows.listWhole(tx, organizationId, wanted, actor.userId);
  const seen = new Map(
    [...stored].map(([id, row]) => [id, disclose(actor, row, deletedToo && ids.includes(id))]),
  );
  const authorIds = new Set([...seen.values()].flatMap(({ authorId }) => authorId ?? []));
  const authors = along.author ? await listAuthorsIn(tx, organizationId, [...authorIds]) : null;
  const whole = (id: string): readonly Comment[] => {
    const comment = seen.get(id);
    if (comment === undefined) return [];
    return [authors === null ? comment : { ...comment, author: authors.get(comment.authorId ?? "") ?? null }];
  };
  const withReplies = (comment: Comment): Comment =>
    along.replies ? { ...comment, replies: (firstReplies.get(comment.id) ?? []).flatMap(whole) } : comment;
  return ids.flatMap((id) => whole(id).map(withReplies));
}

const ALONE: Along = { author: false, replies: false };

async function readOneIn(tx: TenantTx, actor: Actor, commentId: string, along = ALONE): Promise<Comment> {
  const [comment] = await readCommentsIn(tx, actor, [commentId], along, { deletedToo: true });
  if (comment === undefined) throw notFound();
  return comment;
}

/** A page of positions with the comments that stand there. */
async function listedIn(
  tx: TenantTx,
  actor: Actor,
  positions: readonly CommentPosition[],
  along: Along,
): Promise<readonly ListedComment[]> {
  const ids = positions.map(({ id }) => id);
  const comments = await readCommentsIn(tx, actor, ids, along, { deletedToo: false });
  return comments.flatMap((comment, at) => {
    const position = positions[at];
    return position === undefined ? [] : [{ comment, position }];
  });
}

/** The comment with its text, and those of the replies beside it, as HTML too. Outside a transaction: it takes its time. */
export async function rendered({ replies, ...comment }: Comment): Promise<Comment> {
  const html = comment.body === null ? null : await renderMarkdown(comment.body);
  if (replies === undefined) return { ...comment, html };
  const each: Comment[] = [];
  for (const reply of replies) each.push(await rendered(reply));
  return { ...comment, html, replies: each };
}

/** As `rendered`, of a list, where it was asked for. */
export async function renderedList(
  as: "html" | undefined,
  listed: Promise<readonly ListedComment[]>,
): Promise<readonly ListedComment[]> {
  const found = await listed;
  if (as === undefined) return found;
  const each: ListedComment[] = [];
  for (const { comment, position } of found) each.push({ comment: await rendered(comment), position });
  return each;
}

// ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * What stands directly under a lesson, one more than `limit` when there are more: what everybody sees, what waits or was
 * rejected for staff and its author, and the places of what is gone while something visible stands below. Refuses with
 * `not_found` where the lesson may not be seen.
 */
export async function listComments(
  deps: Pick<Deps, "db">,
  actor: Actor,
  contentId: string,
  order: CommentOrder,
  along: Along,
  after: CommentPosition | null,
  limit: number,
): Promise<readonly ListedComment[]> {
  return reading(deps, actor, async (tx) => {
    await requireVisibleContentIn(tx, actor, contentId);
    return underIn(tx, actor, contentId, order, along, after, limit);
  });
}

/** As `listComments`, of the replies to a comment. Refuses with `not_found` where the comment may not be seen. */
export async function listReplies(
  deps: Pick<Deps, "db">,
  actor: Actor,
  commentId: string,
  order: CommentOrder,
  along: Along,
  after: CommentPosition | null,
  limit: number,
): Promise<readonly ListedComment[]> {
  return reading(deps, actor, async (tx) => {
    await requireSeenIn(tx, actor, commentId);
    return underIn(tx, actor, commentId, order, along, after, limit);
  });
}

async function underIn(
  tx: TenantTx,
  actor: Actor,
  underId: string,
  order: CommentOrder,
  along: Along,
  after: CommentPosition | null,
  limit: number,
): Promise<readonly ListedComment[]> {
  const { organizationId } = actor;
  const found = await rows.listUnder(tx, organizationId, underId, readerOf(actor), order, after, limit + 1);
  return listedIn(tx, actor, found, along);
}

/** What the actor has written and not deleted, newest first, whatever has become of it; one more than `limit`. */
export async function listOwnComments(
  deps: Pick<Deps, "db">,
  actor: Actor,
  along: Along,
  before: CommentPosition | null,
  limit: number,
): Promise<readonly ListedComment[]> {
  const { organizationId, userId } = actor;
  return reading(deps, actor, async (tx) => {
    const found = await rows.listOwn(tx, organizationId, userId, before?.id ?? null, limit + 1);
    return listedIn(tx, actor, found, along);
  });
}

/**
 * One comment. Refuses with `not_found` where the lesson may not be seen, and what is not shown to everybody to whoever is
 * neither staff nor its author, unless its place is left in a thread.
 */
export async function getComment(
  deps: Pick<Deps, "db">,
  actor: Actor,
  commentId: string,
  along: Along,
): Promise<Comment> {
  return reading(deps, actor, async (tx) => {
    await requireSeenIn(tx, actor, commentId);
    return readOneIn(tx, actor, commentId, along);
  });
}

/** What was changed of a comment, newest first: prior texts are for staff and its author. Refuses with `not_found`, `forbidden`. */
export async function commentHistory(
  deps: Pick<Deps, "db">,
  actor: Actor,
  commentId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly Change[]> {
  return reading(deps, actor, async (tx) => {
    const { row } = await requireSeenIn(tx, actor, commentId);
    if (!mayAct(actor, "GET /v1/comments/:id/history", row.authorId)) throw forbidden();
    return listChanges(tx, actor.organizationId, "comment", commentId, beforeId, limit);
  });
}

/** How many comments everybody sees of each of these lessons, in one query. Inside a transaction. */
export async function countCommentsOfIn(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  return rows.count(tx, organizationId, contentIds);
}

const reading = <T>(deps: Pick<Deps, "db">, actor: Actor, read: (tx: TenantTx) => Promise<T>): Promise<T> =>
  withTenant(deps.db, actor, read, { readOnly: true });

/**
 * A comment as it is stored, that the actor sees or sees the place of, and its lesson. Refuses with `not_found`. Inside a
 * transaction.
 */
export async function requireSeenIn(
  tx: TenantTx,
  actor: Actor,
  commentId: string,
): Promise<{ readonly row: StoredComment; readonly lesson: VisibleContent }> {
  const found = await rows.find(tx, actor.organizationId, commentId);
  if (found === null) throw notFound();
  const lesson = await requireVisibleContentIn(tx, actor, found.contentId);
  const row = (await rows.listWhole(tx, actor.organizationId, [commentId], actor.userId)).get(commentId);
  if (row === undefined || !(isShown(row) || isInsider(actor, row) || row.replies > 0)) throw notFound();
  return { row, lesson };
}

// ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface CommentInput {
  readonly body: string;
  readonly parentId?: string | null;
}

/** Whether what this person writes waits until a moderator has read it. */
async function mustWait(deps: Deps, actor: Actor): Promise<boolean> {
  return commentsWait((await getOrganization(deps, actor)).settings, actor.role);
}

/**
 * Writes under a lesson, or in answer to a comment there. What a student writes waits where the organization wants it so.
 * Refuses with `not_found` where the lesson may not be seen, `comment_parent_not_found` for a parent that is not on this
 * lesson or not there for everybody to see, `comment_too_deep`.
 */
export async function createComment(
  deps: Deps,
  actor: Actor,
  contentId: string,
  { body, parentId = null }: CommentInput,
): Promise<Comment> {
  const { organizationId, userId: authorId } = actor;
  const state = (await mustWait(deps, actor)) ? "waiting" : "approved";
  const commentId = Bun.randomUUIDv7();
  return withTenant(deps.db, actor, async (tx) => {
    await holdVisibleContentIn(tx, actor, contentId);
    if (parentId !== null) {
      const parent = await rows.lockParent(tx, organizationId, contentId, parentId);
      if (parent === null)
        throw parentNotFound({ errors: [{ pointer: "#/parentId", detail: "names none" }] });
      if (parent.depth >= DEEPEST) throw tooDeep();
    }
    await rows.insert(tx, organizationId, { commentId, contentId, parentId, authorId, body, state });
    return readOneIn(tx, actor, commentId);
  });
}

/**
 * Writes another text into one's own comment; the text before stays in its history. Where students' comments wait, the new
 * text waits too, and so does one that was rejected. Refuses with `not_found`, `forbidden`, `stale`.
 */
export async function updateComment(
  deps: Deps,
  actor: Actor,
  commentId: string,
  expected: ExpectedVersion,
  { body }: { readonly body: string },
): Promise<Comment> {
  const waits = await mustWait(deps, actor);
  return withTenant(deps.db, actor, async (tx) => {
    const { comment } = await lockLiveIn(tx, actor, commentId);
    if (!mayAct(actor, "PATCH /v1/comments/:id", comment.authorId)) throw forbidden();
    requireVersion(expected, comment.version);
    if (body !== comment.body) {
      const state = waits || comment.state !== "approved" ? "waiting" : "approved";
      await rows.updateBody(tx, actor.organizationId, commentId, body, state);
    }
    return readOneIn(tx, actor, commentId);
  });
}

/**
 * Deletes a comment softly, and nothing else: its replies stay, and so does its place above them. Refuses with `not_found`,
 * `forbidden`, `stale`.
 */
export async function deleteComment(
  deps: Pick<Deps, "db">,
  actor: Actor,
  commentId: string,
  expected: ExpectedVersion,
): Promise<void> {
  await withTenant(deps.db, actor, async (tx) => {
    const { comment, lesson } = await lockLiveIn(tx, actor, commentId);
    const operation = "DELETE /v1/comments/:id";
    if (!mayAct(actor, operation, comment.authorId) && !moderates(actor, operation, lesson))
      throw forbidden();
    requireVersion(expected, comment.version);
    await rows.softDelete(tx, actor.organizationId, commentId);
    await auditModerationIn(tx, actor, "comment.deleted", comment);
  });
}

/**
 * Brings a deleted comment back as it was. Authors bring back what they have deleted themselves, moderators of the lesson
 * everything. Refuses with `not_found`, `forbidden`, `stale`, `comment_not_deleted`.
 */
export async function restoreComment(
  deps: Pick<Deps, "db">,
  actor: Actor,
  commentId: string,
  expected: ExpectedVersion,
): Promise<Comment> {
  return withTenant(deps.db, actor, async (tx) => {
    const { comment, lesson } = await lockSeenIn(tx, actor, commentId);
    const operation = "POST /v1/comments/:id/restore";
    const moderator = moderates(actor, operation, lesson);
    if (!moderator && !mayAct(actor, operation, comment.authorId)) throw forbidden();
    if (comment.deletedAt === null) throw commentNotDeleted();
    if (!moderator && comment.deletedById !== actor.userId) throw forbidden();
    requireVersion(expected, comment.version);
    await rows.restore(tx, actor.organizationId, commentId);
    await auditModerationIn(tx, actor, "comment.restored", comment);
    return readOneIn(tx, actor, commentId);
  });
}

/** Whether the actor may do this to whatever stands under the lesson, as a moderator of it. */
export const moderates = (actor: Actor, operation: MemberOperation, lesson: VisibleContent): boolean =>
  isStaff(actor.role) && mayAct(actor, operation, lesson.createdById);

/** Records what somebody did to another's comment; what people do to their own is in its history. Inside a transaction. */
export async function auditModerationIn(
  tx: TenantTx,
  actor: Actor,
  action: "comment.deleted" | "comment.restored" | "comment.approved" | "comment.rejected",
  comment: LockedComment,
  flags = 0,
): Promise<void> {
  if (comment.authorId === actor.userId) return;
  await auditIn(tx, actor.organizationId, {
    action,
    outcome: "success",
    subjectId: comment.authorId,
    targetType: "comment",
    targetId: comment.id,
    details: { stateBefore: comment.state, flags },
  });
}

/** Whether a comment is agreed with by the actor from now on; saying so again changes nothing. Refuses with `not_found`, `own_comment`. */
export async function setUpvote(
  deps: Pick<Deps, "db">,
  actor: Actor,
  commentId: string,
  agrees: boolean,
): Promise<Comment> {
  const { organizationId, userId } = actor;
  return withTenant(deps.db, actor, async (tx) => {
    await requireOthersIn(tx, actor, commentId);
    await (agrees ? rows.insertUpvote : rows.deleteUpvote)(tx, organizationId, commentId, userId);
    return readOneIn(tx, actor, commentId);
  });
}

/**
 * A comment of another that the actor sees with its text. Refuses with `not_found`, `own_comment`.
 * Inside a transaction.
 */
export async function requireOthersIn(tx: TenantTx, actor: Actor, commentId: string): Promise<void> {
  const { row } = await requireSeenIn(tx, actor, commentId);
  if (row.deletedAt !== null || row.body === null) throw notFound();
  if (!isShown(row) && !isInsider(actor, row)) throw notFound();
  if (row.authorId === actor.userId) throw ownComment();
}

export interface Held {
  readonly comment: LockedComment;
  readonly lesson: VisibleContent;
}

/**
 * A comment, deleted or not, that the actor sees with its text; it and its lesson stay as they are until the transaction
 * ends. Refuses with `not_found`. Inside a transaction.
 */
async function lockSeenIn(tx: TenantTx, actor: Actor, commentId: string): Promise<Held> {
  const { organizationId } = actor;
  const found = await rows.find(tx, organizationId, commentId);
  if (found === null) throw notFound();
  // The lesson first, as whoever deletes it holds it before its comments.
  const lesson = await holdVisibleContentIn(tx, actor, found.contentId);
  const comment = await rows.lock(tx, organizationId, commentId);
  if (comment === null || comment.body === null) throw notFound();
  if (!isShown(comment) && !isInsider(actor, comment)) throw notFound();
  return { comment, lesson };
}

/** As `lockSeenIn`, of a comment that is not deleted. */
export async function lockLiveIn(tx: TenantTx, actor: Actor, commentId: string): Promise<Held> {
  const held = await lockSeenIn(tx, actor, commentId);
  if (held.comment.deletedAt !== null) throw notFound();
  return held;
}
