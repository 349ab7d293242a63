// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, many, maybe, one } from "../tx.ts";

export interface DeleteVoteParams {
  readonly organizationId: string;
  readonly ratingId: string;
  readonly userId: string;
}

const deleteVoteStatement: Statement = {
  name: "ratings/delete_vote",
  text: `delete /* ratings/delete_vote */ from app.helpful_vote
where organization_id = $1 and rating_id = $2 and user_id = $3`,
};

/** Takes back that somebody found a review helpful. */
export function deleteVote(tx: TenantTx, params: DeleteVoteParams): Promise<number> {
  return count(tx, deleteVoteStatement, [params.organizationId, params.ratingId, params.userId]);
}

export interface FindOfPersonParams {
  readonly organizationId: string;
  readonly contentId: string;
  readonly userId: string;
}

export interface FindOfPersonRow {
  readonly ratingId: string;
  readonly contentId: string;
  readonly userId: string;
  readonly stars: number;
  readonly review: string | null;
  readonly hiddenAt: Date | null;
  readonly helpfulCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const findOfPersonStatement: Statement = {
  name: "ratings/find_of_person",
  text: `select /* ratings/find_of_person */ rating_id, content_id, user_id, stars, review, hidden_at, helpful_count, created_at, updated_at
from app.rating
where organization_id = $1 and content_id = $2 and user_id = $3 and deleted_at is null`,
};

/** Finds what a person thinks of a lesson. */
export function findOfPerson(tx: TenantTx, params: FindOfPersonParams): Promise<FindOfPersonRow | null> {
  return maybe<FindOfPersonRow>(tx, findOfPersonStatement, [
    params.organizationId,
    params.contentId,
    params.userId,
  ]);
}

export interface FindRatingParams {
  readonly organizationId: string;
  readonly ratingId: string;
}

export interface FindRatingRow {
  readonly ratingId: string;
  readonly contentId: string;
  readonly userId: string;
  readonly stars: number;
  readonly review: string | null;
  readonly hiddenAt: Date | null;
  readonly helpfulCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const findRatingStatement: Statement = {
  name: "ratings/find_rating",
  text: `select /* ratings/find_rating */ rating_id, content_id, user_id, stars, review, hidden_at, helpful_count, created_at, updated_at
from app.rating
where organization_id = $1 and rating_id = $2 and deleted_at is null`,
};

/** Finds a rating that nobody has withdrawn. */
export function findRating(tx: TenantTx, params: FindRatingParams): Promise<FindRatingRow | null> {
  return maybe<FindRatingRow>(tx, findRatingStatement, [params.organizationId, params.ratingId]);
}

export interface InsertVoteParams {
  readonly organizationId: string;
  readonly ratingId: string;
  readonly userId: string;
}

const insertVoteStatement: Statement = {
  name: "ratings/insert_vote",
  text: `insert /* ratings/insert_vote */ into app.helpful_vote (organization_id, rating_id, user_id)
values ($1, $2, $3)
on conflict (organization_id, rating_id, user_id) do nothing`,
};

/** Says that somebody found a review helpful. Saying so twice changes nothing. */
export function insertVote(tx: TenantTx, params: InsertVoteParams): Promise<number> {
  return count(tx, insertVoteStatement, [params.organizationId, params.ratingId, params.userId]);
}

export interface ListMostHelpfulParams {
  readonly readerId: string;
  readonly organizationId: string;
  readonly contentId: string;
  readonly hiddenToo: boolean;
  readonly beforeCount: number | null;
  readonly beforeId: string | null;
  readonly limit: number;
}

export interface ListMostHelpfulRow {
  readonly ratingId: string;
  readonly contentId: string;
  readonly userId: string;
  readonly stars: number;
  readonly review: string | null;
  readonly hiddenAt: Date | null;
  readonly helpfulCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly foundHelpful: boolean;
}

const listMostHelpfulStatement: Statement = {
  name: "ratings/list_most_helpful",
  text: `select /* ratings/list_most_helpful */ rating_id, content_id, user_id, stars, review, hidden_at, helpful_count, created_at, updated_at,
  exists (
    select from app.helpful_vote v
    where v.organization_id = r.organization_id and v.rating_id = r.rating_id and v.user_id = $1
  ) as found_helpful
from app.rating r
where organization_id = $2 and content_id = $3 and deleted_at is null and review is not null
  and ($4::boolean or hidden_at is null)
  and (helpful_count, rating_id)
    < (coalesce($5::int, 2147483647), coalesce($6::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
order by helpful_count desc, rating_id desc
limit $7::int`,
};

/** Ratings of a lesson that have a review, those that most people found helpful first, and whether somebody is among them. */
export function listMostHelpful(
  tx: TenantTx,
  params: ListMostHelpfulParams,
): Promise<readonly ListMostHelpfulRow[]> {
  return many<ListMostHelpfulRow>(tx, listMostHelpfulStatement, [
    params.readerId,
    params.organizationId,
    params.contentId,
    params.hiddenToo,
    params.beforeCount,
    params.beforeId,
    params.limit,
  ]);
}

export interface ListNewestParams {
  readonly readerId: string;
  readonly organizationId: string;
  readonly contentId: string;
  readonly hiddenToo: boolean;
  readonly beforeId: string | null;
  readonly limit: number;
}

export interface ListNewestRow {
  readonly ratingId: string;
  readonly contentId: string;
  readonly userId: string;
  readonly stars: number;
  readonly review: string | null;
  readonly hiddenAt: Date | null;
  readonly helpfulCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly foundHelpful: boolean;
}

const listNewestStatement: Statement = {
  name: "ratings/list_newest",
  text: `select /* ratings/list_newest */ rating_id, content_id, user_id, stars, review, hidden_at, helpful_count, created_at, updated_at,
  exists (
    select from app.helpful_vote v
    where v.organization_id = r.organization_id and v.rating_id = r.rating_id and v.user_id = $1
  ) as found_helpful
from app.rating r
where organization_id = $2 and content_id = $3 and deleted_at is null and review is not null
  and ($4::boolean or hidden_at is null)
  and rating_id < coalesce($5::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
order by rating_id desc
limit $6::int`,
};

/** Ratings of a lesson that have a review, newest first, and whether somebody found each helpful. */
export function listNewest(tx: TenantTx, params: ListNewestParams): Promise<readonly ListNewestRow[]> {
  return many<ListNewestRow>(tx, listNewestStatement, [
    params.readerId,
    params.organizationId,
    params.contentId,
    params.hiddenToo,
    params.beforeId,
    params.limit,
  ]);
}

export interface ListSumsParams {
  readonly organizationId: string;
  readonly contentIds: readonly string[];
}

export interface ListSumsRow {
  readonly contentId: string;
  readonly stars: number;
  readonly ratings: number;
}

const listSumsStatement: Statement = {
  name: "ratings/list_sums",
  text: `select /* ratings/list_sums */ content_id, stars, count(*)::int as ratings
from app.rating
where organization_id = $1 and content_id = any($2::uuid[]) and deleted_at is null
group by content_id, stars
order by content_id, stars`,
};

/** How many gave each number of stars to each of some lessons. */
export function listSums(tx: TenantTx, params: ListSumsParams): Promise<readonly ListSumsRow[]> {
  return many<ListSumsRow>(tx, listSumsStatement, [params.organizationId, params.contentIds]);
}

export interface UpdateHiddenParams {
  readonly hidden: boolean;
  readonly organizationId: string;
  readonly ratingId: string;
}

const updateHiddenStatement: Statement = {
  name: "ratings/update_hidden",
  text: `update /* ratings/update_hidden */ app.rating
set hidden_at = case when $1::boolean then now() end,
  hidden_by_id = case when $1 then app.actor() end
where organization_id = $2 and rating_id = $3 and deleted_at is null
  and (hidden_at is not null) <> $1`,
};

/** Puts the words of a rating out of sight, or shows them again. Doing so twice changes nothing. */
export function updateHidden(tx: TenantTx, params: UpdateHiddenParams): Promise<number> {
  return count(tx, updateHiddenStatement, [params.hidden, params.organizationId, params.ratingId]);
}

export interface UpdateWithdrawnParams {
  readonly deletionId: string;
  readonly organizationId: string;
  readonly contentId: string;
  readonly userId: string;
}

const updateWithdrawnStatement: Statement = {
  name: "ratings/update_withdrawn",
  text: `update /* ratings/update_withdrawn */ app.rating
set deleted_at = now(), deleted_by_id = app.actor(), deletion_id = $1
where organization_id = $2 and content_id = $3 and user_id = $4 and deleted_at is null`,
};

/** Withdraws a person's rating of a lesson. */
export function updateWithdrawn(tx: TenantTx, params: UpdateWithdrawnParams): Promise<number> {
  return count(tx, updateWithdrawnStatement, [
    params.deletionId,
    params.organizationId,
    params.contentId,
    params.userId,
  ]);
}

export interface UpsertRatingParams {
  readonly organizationId: string;
  readonly contentId: string;
  readonly userId: string;
  readonly ratingId: string;
  readonly stars: number;
  readonly review: string | null;
}

export interface UpsertRatingRow {
  readonly ratingId: string;
  readonly contentId: string;
  readonly userId: string;
  readonly stars: number;
  readonly review: string | null;
  readonly hiddenAt: Date | null;
  readonly helpfulCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const upsertRatingStatement: Statement = {
  name: "ratings/upsert_rating",
  text: `with /* ratings/upsert_rating */ last as (
  select hidden_at, hidden_by_id
  from app.rating
  where organization_id = $1 and content_id = $2 and user_id = $3 and deleted_at is not null
  order by rating_id desc
  limit 1
)
insert into app.rating as r (organization_id, rating_id, content_id, user_id, stars, review, hidden_at, hidden_by_id)
values (
  $1, $4, $2, $3, $5, $6, (select hidden_at from last),
  (select hidden_by_id from last)
)
on conflict (organization_id, content_id, user_id) where deleted_at is null do update
  set stars = excluded.stars, review = excluded.review
returning rating_id, content_id, user_id, stars, review, hidden_at, helpful_count, created_at, updated_at`,
};

/**
 * Rates a lesson, or changes what the person thinks of it. A rating that was withdrawn stays so: this is another one, hidden
 * as the last one was.
 */
export function upsertRating(tx: TenantTx, params: UpsertRatingParams): Promise<UpsertRatingRow> {
  return one<UpsertRatingRow>(tx, upsertRatingStatement, [
    params.organizationId,
    params.contentId,
    params.userId,
    params.ratingId,
    params.stars,
    params.review,
  ]);
}
