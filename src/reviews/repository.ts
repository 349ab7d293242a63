/** Rows of requests to review a lesson, in and out. */
import * as sql from "#sql/reviews";
import type { TenantTx } from "../../sql/tx.ts";
import type { Role } from "../actor.ts";

export const REVIEW_STATES = ["pending", "approved", "rejected", "withdrawn"] as const;
export type ReviewState = (typeof REVIEW_STATES)[number];

/** A request to review a lesson, and its answer. */
export interface Review {
  readonly id: string;
  readonly contentId: string;
  /** The lesson's, as it is now. */
  readonly title: string;
  /** The version that was submitted. */
  readonly number: number;
  readonly state: ReviewState;
  /** Who was asked; null: whoever may. */
  readonly reviewerId: string | null;
  readonly note: string | null;
  readonly createdAt: Date;
  readonly createdById: string | null;
  readonly decidedAt: Date | null;
  readonly decidedById: string | null;
  readonly reason: string | null;
}

interface Tenant {
  readonly organizationId: string;
}

export const insert = (
  tx: TenantTx,
  { organizationId }: Tenant,
  request: Pick<Review, "contentId" | "number" | "reviewerId" | "note">,
): Promise<number> => sql.insertReview(tx, { organizationId, ...request });

export const decide = (
  tx: TenantTx,
  { organizationId }: Tenant,
  contentId: string,
  decision: { readonly state: Exclude<ReviewState, "pending">; readonly reason: string | null },
): Promise<number> => sql.updateDecided(tx, { organizationId, contentId, ...decision });

/** Null where nobody is that, or no more. */
export async function findRole(
  tx: TenantTx,
  { organizationId }: Tenant,
  userId: string,
): Promise<Role | null> {
  return (await sql.lockReviewer(tx, { organizationId, userId }))?.role ?? null;
}

export async function listByContent(
  tx: TenantTx,
  { organizationId }: Tenant,
  contentId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly Review[]> {
  const rows = await sql.listByContent(tx, { organizationId, contentId, beforeId, limit });
  return rows.map(({ reviewId: id, ...row }) => ({ id, ...row }));
}

export async function listPending(
  tx: TenantTx,
  { organizationId }: Tenant,
  filter: { readonly reviewerId: string | null; readonly forId: string | null },
  afterId: string | null,
  limit: number,
): Promise<readonly Review[]> {
  const rows = await sql.listPending(tx, { organizationId, ...filter, afterId, limit });
  return rows.map(({ reviewId: id, ...row }) => ({ id, ...row }));
}
