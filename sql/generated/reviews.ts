// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, many, maybe } from "../tx.ts";

export interface InsertReviewParams {
  readonly organizationId: string;
  readonly contentId: string;
  readonly number: number;
  readonly reviewerId: string | null;
  readonly note: string | null;
}

const insertReviewStatement: Statement = {
  name: "reviews/insert_review",
  text: `insert /* reviews/insert_review */ into app.review (organization_id, content_id, number, reviewer_id, note)
values ($1, $2, $3, $4, $5)`,
};

/** Asks for a review of a lesson's latest version. */
export function insertReview(tx: TenantTx, params: InsertReviewParams): Promise<number> {
  return count(tx, insertReviewStatement, [
    params.organizationId,
    params.contentId,
    params.number,
    params.reviewerId,
    params.note,
  ]);
}

export interface ListByContentParams {
  readonly organizationId: string;
  readonly contentId: string;
  readonly beforeId: string | null;
  readonly limit: number;
}

export interface ListByContentRow {
  readonly reviewId: string;
  readonly contentId: string;
  readonly title: string;
  readonly number: number;
  readonly state: "pending" | "approved" | "rejected" | "withdrawn";
  readonly reviewerId: string | null;
  readonly note: string | null;
  readonly createdAt: Date;
  readonly createdById: string | null;
  readonly decidedAt: Date | null;
  readonly decidedById: string | null;
  readonly reason: string | null;
}

const listByContentStatement: Statement = {
  name: "reviews/list_by_content",
  text: `select /* reviews/list_by_content */ r.review_id, r.content_id, c.title, r.number, r.state, r.reviewer_id, r.note, r.created_at, r.created_by_id, r.decided_at,
  r.decided_by_id, r.reason
from app.review r
join app.content c on c.organization_id = r.organization_id and c.content_id = r.content_id
where r.organization_id = $1 and r.content_id = $2 and r.deleted_at is null
  and ($3::uuid is null or r.review_id < $3)
order by r.review_id desc
limit $4::int`,
};

/** All requests to review a lesson, newest first. */
export function listByContent(
  tx: TenantTx,
  params: ListByContentParams,
): Promise<readonly ListByContentRow[]> {
  return many<ListByContentRow>(tx, listByContentStatement, [
    params.organizationId,
    params.contentId,
    params.beforeId,
    params.limit,
  ]);
}

export interface ListPendingParams {
  readonly organizationId: string;
  readonly reviewerId: string | null;
  readonly forId: string | null;
  readonly afterId: string | null;
  readonly limit: number;
}

export interface ListPendingRow {
  readonly reviewId: string;
  readonly contentId: string;
  readonly title: string;
  readonly number: number;
  readonly state: "pending" | "approved" | "rejected" | "withdrawn";
  readonly reviewerId: string | null;
  readonly note: string | null;
  readonly createdAt: Date;
  readonly createdById: string | null;
  readonly decidedAt: Date | null;
  readonly decidedById: string | null;
  readonly reason: string | null;
}

const listPendingStatement: Statement = {
  name: "reviews/list_pending",
  text: `select /* reviews/list_pending */ r.review_id, r.content_id, c.title, r.number, r.state, r.reviewer_id, r.note, r.created_at, r.created_by_id, r.decided_at,
  r.decided_by_id, r.reason
from app.review r
join app.content c on c.organization_id = r.organization_id and c.content_id = r.content_id
where r.organization_id = $1 and r.state = 'pending' and r.deleted_at is null
  and ($2::uuid is null or r.reviewer_id = $2)
  and ($3::uuid is null or r.reviewer_id = $3 or (r.reviewer_id is null and r.created_by_id is distinct from $3))
  and ($4::uuid is null or r.review_id > $4)
order by r.review_id
limit $5::int`,
};

/**
 * What waits for a review, the longest first: all of it, what somebody was asked for, or what is for one person to do, who
 * was asked or did not ask themselves.
 */
export function listPending(tx: TenantTx, params: ListPendingParams): Promise<readonly ListPendingRow[]> {
  return many<ListPendingRow>(tx, listPendingStatement, [
    params.organizationId,
    params.reviewerId,
    params.forId,
    params.afterId,
    params.limit,
  ]);
}

export interface LockReviewerParams {
  readonly organizationId: string;
  readonly userId: string;
}

export interface LockReviewerRow {
  readonly role: "student" | "teacher" | "admin" | "parent";
}

const lockReviewerStatement: Statement = {
  name: "reviews/lock_reviewer",
  text: `select /* reviews/lock_reviewer */ role from app.user
where organization_id = $1 and user_id = $2 and deleted_at is null
for share`,
};

/** The role of somebody who could be asked, who stays as they are until the transaction ends. */
export function lockReviewer(tx: TenantTx, params: LockReviewerParams): Promise<LockReviewerRow | null> {
  return maybe<LockReviewerRow>(tx, lockReviewerStatement, [params.organizationId, params.userId]);
}

export interface UpdateDecidedParams {
  readonly state: string;
  readonly reason: string | null;
  readonly organizationId: string;
  readonly contentId: string;
}

const updateDecidedStatement: Statement = {
  name: "reviews/update_decided",
  text: `update /* reviews/update_decided */ app.review
set state = $1, reason = $2, decided_at = now(), decided_by_id = app.actor()
where organization_id = $3 and content_id = $4 and state = 'pending'`,
};

/** Answers the request that a lesson waits for. */
export function updateDecided(tx: TenantTx, params: UpdateDecidedParams): Promise<number> {
  return count(tx, updateDecidedStatement, [
    params.state,
    params.reason,
    params.organizationId,
    params.contentId,
  ]);
}
