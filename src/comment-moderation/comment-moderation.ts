/** What should not stand under a lesson: who says so, and what the teachers of the lesson and the admins do about it. */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import {
  type Along,
  auditModerationIn,
  type Comment,
  lockLiveIn,
  moderates,
  readCommentsIn,
  requireOthersIn,
  requireSeenIn,
} from "../comments/comments.ts";
import { withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { forbidden, refusal } from "../errors.ts";
import { mayAct } from "../permissions.ts";
import { type ExpectedVersion, requireVersion } from "../versions.ts";
import type { Flag, FlagReason, Queue } from "./repository.ts";
import * as rows from "./repository.ts";

export { ownComment } from "../comments/comments.ts";
export { FLAG_REASONS, FLAG_RESOLUTIONS, type Flag, QUEUES, type Queue } from "./repository.ts";

export const alreadyFlagged = refusal(
  "conflict",
  "comment_already_flagged",
  "You have flagged this comment before, and it has not been edited since a moderator looked at it",
);

/**
 * Comments that wait, that somebody has flagged, that were rejected or deleted: oldest first, one more than `limit` when
 * there are more. Teachers see those on lessons of theirs, admins all. Comments that went with their lesson are not there.
 */
export async function listForModeration(
  deps: Pick<Deps, "db">,
  actor: Actor,
  queue: Queue,
  along: Pick<Along, "author">,
  afterId: string | null,
  limit: number,
): Promise<readonly Comment[]> {
  const { organizationId } = actor;
  const teacherId = mayAct(actor, "GET /v1/comments", null) ? null : actor.userId;
  return withTenant(
    deps.db,
    actor,
    async (tx) => {
      const ids = await rows.list(tx, organizationId, queue, teacherId, afterId, limit + 1);
      return readCommentsIn(tx, actor, ids, { ...along, replies: false }, { deletedToo: true });
    },
    { readOnly: true },
  );
}

/**
 * Says that a comment should not stand there. Again only once it was edited after a moderator had looked. Refuses with
 * `not_found`, `own_comment`, `comment_already_flagged`.
 */
export async function flagComment(
  deps: Pick<Deps, "db">,
  actor: Actor,
  commentId: string,
  reason: FlagReason,
): Promise<Flag> {
  return withTenant(deps.db, actor, async (tx) => {
    await requireOthersIn(tx, actor, commentId);
    const flag = await rows.upsertFlag(tx, actor.organizationId, commentId, actor.userId, reason);
    if (flag === null) throw alreadyFlagged();
    return flag;
  });
}

/** Who flagged a comment and why, by who they are; one more than `limit`. Refuses with `not_found`, `forbidden`. */
export async function listFlags(
  deps: Pick<Deps, "db">,
  actor: Actor,
  commentId: string,
  afterId: string | null,
  limit: number,
): Promise<readonly Flag[]> {
  const read = async (tx: TenantTx) => {
    const { lesson } = await requireSeenIn(tx, actor, commentId);
    if (!moderates(actor, "GET /v1/comments/:id/flags", lesson)) throw forbidden();
    return rows.listFlags(tx, actor.organizationId, commentId, afterId, limit + 1);
  };
  return withTenant(deps.db, actor, read, { readOnly: true });
}

/**
 * Shows a comment to everybody, whether it waited or was rejected, and dismisses its flags. Whoever approves has read the
 * version they name. Refuses with `not_found`, `forbidden`, `stale`.
 */
export async function approveComment(
  deps: Pick<Deps, "db">,
  actor: Actor,
  commentId: string,
  expected: ExpectedVersion,
): Promise<Comment> {
  return moderate(deps, actor, commentId, expected, "approve");
}

/** Hides a comment from everybody but staff and its author; its flags were right. Refuses as `approveComment` does. */
export async function rejectComment(
  deps: Pick<Deps, "db">,
  actor: Actor,
  commentId: string,
  expected: ExpectedVersion,
): Promise<Comment> {
  return moderate(deps, actor, commentId, expected, "reject");
}

const VERDICTS = {
  approve: { state: "approved", resolution: "dismissed", action: "comment.approved" },
  reject: { state: "rejected", resolution: "upheld", action: "comment.rejected" },
} as const;

async function moderate(
  deps: Pick<Deps, "db">,
  actor: Actor,
  commentId: string,
  expected: ExpectedVersion,
  verb: keyof typeof VERDICTS,
): Promise<Comment> {
  const { organizationId } = actor;
  const { state, resolution, action } = VERDICTS[verb];
  return withTenant(deps.db, actor, async (tx) => {
    const { comment, lesson } = await lockLiveIn(tx, actor, commentId);
    if (!moderates(actor, `POST /v1/comments/:id/${verb}`, lesson)) throw forbidden();
    requireVersion(expected, comment.version);
    const moved = await rows.updateState(tx, organizationId, commentId, state);
    const flags = await rows.resolveFlags(tx, organizationId, commentId, resolution);
    if (moved + flags > 0) await auditModerationIn(tx, actor, action, comment, flags);
    const along = { author: false, replies: false };
    const [after] = await readCommentsIn(tx, actor, [commentId], along, { deletedToo: false });
    if (after === undefined) throw new Error("a comment that is held is not there");
    return after;
  });
}
