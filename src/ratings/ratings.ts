/**
 * What people think of a lesson: one rating each, one to five stars and perhaps a review, which others may find helpful.
 * The stars count in the sums of the lesson; listed are only those who wrote something.
 */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { auditIn } from "../audit/audit.ts";
import {
  contentNotPublished,
  holdVisibleContentIn,
  requireVisibleContentIn,
  type VisibleContent,
} from "../contents/contents.ts";
import { readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { forbidden, notFound, refusal } from "../errors.ts";
import { isStaff, mayAct } from "../permissions.ts";
import { type Author, listAuthorsIn } from "../users/users.ts";
import type { ListedRating, Rating, RatingOrder, RatingPosition, RatingSums } from "./repository.ts";
import * as rows from "./repository.ts";

export { contentNotPublished } from "../contents/contents.ts";
export type { Author } from "../users/users.ts";
export {
  type Distribution,
  type ListedRating,
  RATING_ORDERS,
  type Rating,
  type RatingOrder,
  type RatingPosition,
  type RatingSums,
} from "./repository.ts";

export const ownRating = refusal(
  "forbidden",
  "own_rating",
  "Nobody says of their own review that it is helpful",
);

export const ownContent = refusal("forbidden", "own_content", "Nobody rates their own lesson");

/** Stars and, if there is one, a review: what a person writes. */
export interface RatingInput {
  /** 1 to 5. */
  readonly stars: number;
  readonly review: string | null;
}

/**
 * Rates a lesson, or changes the actor's rating of it, whole. Without a version: nobody else writes it, so the last word
 * is always theirs, and sent twice it is the same. Refuses with `not_found` a lesson that the actor does not see, with
 * `content_not_published` a draft, with `own_content` the actor's own.
 */
export async function rateContent(
  deps: Deps,
  actor: Actor,
  contentId: string,
  input: RatingInput,
): Promise<Rating> {
  const { organizationId, userId } = actor;
  return withTenant(deps.db, actor, async (tx) => {
    const { published, createdById } = await holdVisibleContentIn(tx, actor, contentId);
    if (!published) throw contentNotPublished();
    if (createdById === userId) throw ownContent();
    return rows.upsert(tx, organizationId, contentId, userId, input);
  });
}

/** The actor's rating of a lesson. Refuses with `not_found`, also when they have not rated it. */
export async function getOwnRating(deps: Deps, actor: Actor, contentId: string): Promise<Rating> {
  const [, rating] = await readTenant(deps.db, actor, (tx) =>
    Promise.all([
      requireVisibleContentIn(tx, actor, contentId),
      rows.findOfPerson(tx, actor.organizationId, contentId, actor.userId),
    ]),
  );
  if (rating === null) throw notFound();
  return rating;
}

/** Withdraws the actor's rating of a lesson; they may rate it anew. Refuses as `getOwnRating` does. */
export async function withdrawRating(deps: Deps, actor: Actor, contentId: string): Promise<void> {
  await withTenant(deps.db, actor, async (tx) => {
    await requireVisibleContentIn(tx, actor, contentId);
    const withdrawn = await rows.withdraw(tx, actor.organizationId, contentId, actor.userId);
    if (!withdrawn) throw notFound();
  });
}

/** A rating in a list; `author` where it was asked for: null of somebody who is deleted or erased. */
export type ShownRating = ListedRating & { readonly author?: Author | null };

/**
 * Ratings of a lesson that have a review, one more than `limit` when there are more; with their authors in one query more.
 * Who is no staff is not shown what staff have hidden. Refuses with `not_found`.
 */
export async function listRatings(
  deps: Deps,
  actor: Actor,
  contentId: string,
  { order, author }: { readonly order: RatingOrder; readonly author: boolean },
  after: RatingPosition | null,
  limit: number,
): Promise<readonly ShownRating[]> {
  const { organizationId, userId: readerId } = actor;
  const reader = { readerId, hiddenToo: isStaff(actor.role) };
  return withTenant(
    deps.db,
    actor,
    async (tx) => {
      const [, found] = await Promise.all([
        requireVisibleContentIn(tx, actor, contentId),
        rows.list(tx, organizationId, contentId, reader, order, after, limit + 1),
      ]);
      if (!author) return found;
      const userIds = found.map(({ userId }) => userId);
      const authors = await listAuthorsIn(tx, organizationId, userIds);
      return found.map((rating) => ({ ...rating, author: authors.get(rating.userId) ?? null }));
    },
    { readOnly: true },
  );
}

/** One rating: one's own, or with a review that the actor may see. Refuses with `not_found`. */
export async function getRating(deps: Deps, actor: Actor, ratingId: string): Promise<Rating> {
  const { rating } = await withTenant(deps.db, actor, (tx) => visibleIn(tx, actor, ratingId), {
    readOnly: true,
  });
  return rating;
}

/**
 * Says of somebody else's review that it is helpful, or takes that back; doing either twice changes nothing. Refuses with
 * `not_found`, `own_rating`.
 */
export async function setHelpful(
  deps: Deps,
  actor: Actor,
  ratingId: string,
  helpful: boolean,
): Promise<void> {
  await withTenant(deps.db, actor, async (tx) => {
    const { rating } = await visibleIn(tx, actor, ratingId);
    if (rating.userId === actor.userId) throw ownRating();
    if (rating.review === null) throw notFound();
    await rows.vote(tx, actor.organizationId, ratingId, actor.userId, helpful);
  });
}

/**
 * Puts the review of a rating out of sight, or shows it again: for the author of the lesson, and admins. The stars count
 * all the same. Refuses with `not_found`, `forbidden`.
 */
export async function setHidden(
  deps: Deps,
  actor: Actor,
  ratingId: string,
  hidden: boolean,
): Promise<Rating> {
  const { organizationId } = actor;
  return withTenant(deps.db, actor, async (tx) => {
    const { rating, content } = await visibleIn(tx, actor, ratingId);
    if (!mayAct(actor, "PUT /v1/ratings/:id/hidden", content.createdById)) throw forbidden();
    if (!(await rows.setHidden(tx, organizationId, ratingId, hidden))) return rating;
    await auditIn(tx, organizationId, {
      action: hidden ? "rating.hidden" : "rating.shown",
      outcome: "success",
      subjectId: rating.userId,
      targetType: "rating",
      targetId: ratingId,
    });
    return (await rows.find(tx, organizationId, ratingId)) ?? rating;
  });
}

async function visibleIn(
  tx: TenantTx,
  actor: Actor,
  ratingId: string,
): Promise<{ readonly rating: Rating; readonly content: VisibleContent }> {
  const rating = await rows.find(tx, actor.organizationId, ratingId);
  if (rating === null) throw notFound();
  const content = await requireVisibleContentIn(tx, actor, rating.contentId);
  const shown = rating.review !== null && (rating.hiddenAt === null || isStaff(actor.role));
  if (!shown && rating.userId !== actor.userId) throw notFound();
  return { rating, content };
}

/**
 * What all who rated them make of some lessons, of each of them and in one query. Whoever calls has found out who may see
 * the lessons. Inside a transaction.
 */
export async function ratingsOfIn(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
): Promise<ReadonlyMap<string, RatingSums>> {
  const found = await rows.distributions(tx, organizationId, contentIds);
  return new Map(contentIds.map((id) => [id, sumsOf(found.get(id) ?? [0, 0, 0, 0, 0])]));
}

function sumsOf(distribution: RatingSums["distribution"]): RatingSums {
  const count = distribution.reduce((sum, n) => sum + n, 0);
  const stars = distribution.reduce((sum, n, index) => sum + n * (index + 1), 0);
  return { average: count === 0 ? null : stars / count, count, distribution };
}
