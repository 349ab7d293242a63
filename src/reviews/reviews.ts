/** Having a lesson looked at before its readers see it: asking for it, taking it back, approving, rejecting. */
import type { Actor } from "../actor.ts";
import {
  type Content,
  illegalTransition,
  lockForIn,
  moveContentIn,
  ownWork,
  ownWorkIn,
  requireOthersWorkIn,
  requireVisibleContentIn,
} from "../contents/contents.ts";
import { readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { refusal } from "../errors.ts";
import { isStaff, type MemberOperation } from "../permissions.ts";
import type { ExpectedVersion } from "../versions.ts";
import { requireTransition } from "../workflow.ts";
import type { Review } from "./repository.ts";
import * as rows from "./repository.ts";

export { REVIEW_STATES, type Review, type ReviewState } from "./repository.ts";
export { illegalTransition, ownWork };

export const reviewerUnsuitable = refusal(
  "invalid",
  "reviewer_unsuitable",
  "This person cannot review the lesson",
  "The reviewer must be a teacher or an admin who has written none of it.",
);
const unsuitable = () =>
  reviewerUnsuitable({
    errors: [{ pointer: "#/reviewerId", detail: "must be somebody who may approve it" }],
  });

export interface ReviewRequest {
  /** Whom to ask; null: whoever may. */
  readonly reviewerId: string | null;
  readonly note: string | null;
}

/**
 * Asks for a review of a lesson as it is; until it is answered or taken back nobody changes the lesson. Refuses with
 * `not_found`, `forbidden`, `stale`, `illegal_status_transition`, and with `reviewer_unsuitable` whoever could not approve it:
 * somebody unknown, deleted or no staff, or an author where authors may not.
 */
export async function submitContent(
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
  { reviewerId, note }: ReviewRequest,
): Promise<Content> {
  const { organizationId } = actor;
  return withTenant(deps.db, actor, async (tx) => {
    const before = await lockForIn(tx, actor, "POST /v1/contents/:id/submit", contentId, expected);
    requireTransition("submit", before);
    if (reviewerId !== null) {
      const role = await rows.findRole(tx, actor, reviewerId);
      if (role === null || !isStaff(role)) throw unsuitable();
      const theirs = await ownWorkIn(tx, { organizationId, userId: reviewerId }, [contentId]);
      if (theirs.has(contentId)) throw unsuitable();
    }
    const content = await moveContentIn(deps, tx, organizationId, before, "submit");
    await rows.insert(tx, actor, { contentId, number: before.latestNumber, reviewerId, note });
    return content;
  });
}

/** Takes the request back. Refuses with `not_found`, `forbidden`, `stale`, `illegal_status_transition`. */
export async function withdrawContent(
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
): Promise<Content> {
  return withTenant(deps.db, actor, async (tx) => {
    const before = await lockForIn(tx, actor, "POST /v1/contents/:id/withdraw", contentId, expected);
    requireTransition("withdraw", before);
    await rows.decide(tx, actor, contentId, { state: "withdrawn", reason: null });
    return moveContentIn(deps, tx, actor.organizationId, before, "withdraw");
  });
}

/**
 * Finds a lesson fit to be published. Refuses with `not_found`, `stale`, `illegal_status_transition`, with `forbidden` where
 * somebody else was asked and the actor is no admin, and with `own_work` who has written any of what would be approved.
 */
export const approveContent = (
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
  reason: string | null,
): Promise<Content> =>
  decide(deps, actor, "POST /v1/contents/:id/approve", "approve", contentId, expected, reason);

/** Sends a lesson back, and says why. Refuses as `approveContent` does; an author may as well withdraw it. */
export const rejectContent = (
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
  reason: string,
): Promise<Content> =>
  decide(deps, actor, "POST /v1/contents/:id/reject", "reject", contentId, expected, reason);

async function decide(
  deps: Deps,
  actor: Actor,
  operation: MemberOperation,
  action: "approve" | "reject",
  contentId: string,
  expected: ExpectedVersion,
  reason: string | null,
): Promise<Content> {
  return withTenant(deps.db, actor, async (tx) => {
    const before = await lockForIn(tx, actor, operation, contentId, expected);
    requireTransition(action, before);
    // Under the lock: nobody can write on it between this and the approval.
    await requireOthersWorkIn(tx, actor, contentId);
    await rows.decide(tx, actor, contentId, {
      state: action === "approve" ? "approved" : "rejected",
      reason,
    });
    return moveContentIn(deps, tx, actor.organizationId, before, action);
  });
}

/** All requests to review a lesson, newest first, one more than `limit` when there are more. Refuses with `not_found`. */
export async function contentReviews(
  deps: Deps,
  actor: Actor,
  contentId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly Review[]> {
  return withTenant(
    deps.db,
    actor,
    async (tx) => {
      await requireVisibleContentIn(tx, actor, contentId);
      return rows.listByContent(tx, actor, contentId, beforeId, limit + 1);
    },
    { readOnly: true },
  );
}

export interface QueueFilter {
  /** Only what this person was asked for. */
  readonly reviewerId: string | null;
  /** Only what is for the actor to do: they were asked, or nobody was and they did not ask themselves. */
  readonly mine: boolean;
}

/** What waits for a review, the longest first, one more than `limit` when there are more. */
export async function pendingReviews(
  deps: Deps,
  actor: Actor,
  { reviewerId, mine }: QueueFilter,
  afterId: string | null,
  limit: number,
): Promise<readonly Review[]> {
  const filter = { reviewerId, forId: mine ? actor.userId : null };
  return readTenant(deps.db, actor, (tx) => rows.listPending(tx, actor, filter, afterId, limit + 1));
}
