/** Rows of flags, and what moderators look for and do, in and out. */
import * as sql from "#sql/comment-moderation";
import type { TenantTx } from "../../sql/tx.ts";

export const FLAG_REASONS = ["spam", "abuse", "personal_data", "off_topic", "other"] as const;
export type FlagReason = (typeof FLAG_REASONS)[number];
export const FLAG_RESOLUTIONS = ["dismissed", "upheld"] as const;
export type FlagResolution = (typeof FLAG_RESOLUTIONS)[number];

/** What a moderator may look for. */
export const QUEUES = ["waiting", "flagged", "rejected", "deleted"] as const;
export type Queue = (typeof QUEUES)[number];

/** That somebody finds that a comment should not stand there. */
export interface Flag {
  readonly userId: string;
  readonly reason: FlagReason;
  readonly flaggedAt: Date;
  /** Null: no moderator has looked yet. */
  readonly resolvedAt: Date | null;
  readonly resolvedById: string | null;
  readonly resolution: FlagResolution | null;
}

/** Ids, oldest first. `teacherId`: only on lessons of theirs; null: on all. */
export async function list(
  tx: TenantTx,
  organizationId: string,
  queue: Queue,
  teacherId: string | null,
  afterId: string | null,
  limit: number,
): Promise<readonly string[]> {
  const params = { organizationId, teacherId, afterId, limit };
  const rows =
    queue === "flagged"
      ? await sql.listFlagged(tx, params)
      : queue === "deleted"
        ? await sql.listDeleted(tx, params)
        : await sql.listUnapproved(tx, { ...params, state: queue });
  return rows.map(({ commentId }) => commentId);
}

/** Null: they have flagged it before, and it is what it was. */
export const upsertFlag = (
  tx: TenantTx,
  organizationId: string,
  commentId: string,
  userId: string,
  reason: FlagReason,
): Promise<Flag | null> => sql.upsertFlag(tx, { organizationId, commentId, userId, reason });

export const listFlags = (
  tx: TenantTx,
  organizationId: string,
  commentId: string,
  afterId: string | null,
  limit: number,
): Promise<readonly Flag[]> => sql.listFlags(tx, { organizationId, commentId, afterId, limit });

/** How many were open. */
export const resolveFlags = (
  tx: TenantTx,
  organizationId: string,
  commentId: string,
  resolution: FlagResolution,
): Promise<number> => sql.updateFlagsResolved(tx, { organizationId, commentId, resolution });

/** 0: it is in that state already. */
export const updateState = (
  tx: TenantTx,
  organizationId: string,
  commentId: string,
  state: "approved" | "rejected",
): Promise<number> => sql.updateState(tx, { organizationId, commentId, state });
