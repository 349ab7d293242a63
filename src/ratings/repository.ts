/** Rows of ratings and of votes on them, in and out. */
import * as sql from "#sql/ratings";
import type { TenantTx } from "../../sql/tx.ts";

export interface Rating {
  readonly id: string;
  readonly contentId: string;
  readonly userId: string;
  /** 1 to 5. */
  readonly stars: number;
  readonly review: string | null;
  /** Since when staff keep the review out of sight. */
  readonly hiddenAt: Date | null;
  readonly helpfulCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A rating in a list, and whether whoever reads the list found it helpful. */
export interface ListedRating extends Rating {
  readonly foundHelpful: boolean;
}

export const RATING_ORDERS = ["newest", "helpful"] as const;
export type RatingOrder = (typeof RATING_ORDERS)[number];

/** Where a page of ratings ends. */
export interface RatingPosition {
  readonly id: string;
  readonly helpfulCount: number;
}

/** How many gave one star, two, three, four, five. */
export type Distribution = readonly [number, number, number, number, number];

/** What all who rated a lesson make of it. */
export interface RatingSums {
  /** Null when nobody has rated it. */
  readonly average: number | null;
  readonly count: number;
  readonly distribution: Distribution;
}

type Row<R extends Rating = Rating> = Omit<R, "id"> & { readonly ratingId: string };

const toRating = <R extends Rating>({ ratingId: id, ...row }: Row<R>) => ({ id, ...row });

const orNull = (row: Row | null): Rating | null => (row === null ? null : toRating(row));

export const upsert = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  userId: string,
  given: Pick<Rating, "stars" | "review">,
): Promise<Rating> => {
  const ratingId = Bun.randomUUIDv7();
  return toRating(await sql.upsertRating(tx, { organizationId, ratingId, contentId, userId, ...given }));
};

export const findOfPerson = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  userId: string,
): Promise<Rating | null> => orNull(await sql.findOfPerson(tx, { organizationId, contentId, userId }));

export const find = async (tx: TenantTx, organizationId: string, ratingId: string): Promise<Rating | null> =>
  orNull(await sql.findRating(tx, { organizationId, ratingId }));

/** Whether there was one. */
export const withdraw = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  userId: string,
): Promise<boolean> => {
  const deletionId = Bun.randomUUIDv7();
  return (await sql.updateWithdrawn(tx, { organizationId, contentId, userId, deletionId })) > 0;
};

/** Whether that changed anything. */
export const setHidden = async (
  tx: TenantTx,
  organizationId: string,
  ratingId: string,
  hidden: boolean,
): Promise<boolean> => (await sql.updateHidden(tx, { organizationId, ratingId, hidden })) > 0;

export async function list(
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  { readerId, hiddenToo }: { readonly readerId: string; readonly hiddenToo: boolean },
  order: RatingOrder,
  after: RatingPosition | null,
  limit: number,
): Promise<readonly ListedRating[]> {
  const asked = { organizationId, contentId, readerId, hiddenToo, limit, beforeId: after?.id ?? null };
  const found =
    order === "newest"
      ? await sql.listNewest(tx, asked)
      : await sql.listMostHelpful(tx, { ...asked, beforeCount: after?.helpfulCount ?? null });
  return found.map((row) => toRating<ListedRating>(row));
}

/** Of those lessons that somebody has rated: how many gave how many stars. */
export async function distributions(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
): Promise<ReadonlyMap<string, Distribution>> {
  const found = new Map<string, [number, number, number, number, number]>();
  for (const { contentId, stars, ratings } of await sql.listSums(tx, { organizationId, contentIds })) {
    const counts = found.get(contentId) ?? [0, 0, 0, 0, 0];
    counts[stars - 1] = ratings;
    found.set(contentId, counts);
  }
  return found;
}

/** Saying twice that something is helpful, or taking back what was never said, changes nothing. */
export const vote = async (
  tx: TenantTx,
  organizationId: string,
  ratingId: string,
  userId: string,
  helpful: boolean,
): Promise<void> => {
  await (helpful ? sql.insertVote : sql.deleteVote)(tx, { organizationId, ratingId, userId });
};
