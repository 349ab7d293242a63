/** Rows of the versions of lessons, in and out. Nobody but the database writes them. */
import * as sql from "#sql/content-versions";
import type { Json, TenantTx } from "../../sql/tx.ts";

/** A version as lists show it. */
export interface ContentVersionSummary {
  readonly number: number;
  /** The version it was made from; null of the first. */
  readonly parentNumber: number | null;
  readonly title: string;
  readonly createdAt: Date;
  readonly createdById: string | null;
  /** The earlier version whose text it brought back. */
  readonly restoredFromNumber: number | null;
  readonly isLatest: boolean;
  /** Readers see this one. */
  readonly isLive: boolean;
}

/** A version whole. */
export interface ContentVersion extends ContentVersionSummary {
  readonly contentId: string;
  readonly slug: string;
  readonly description: string;
  readonly body: string;
  readonly contentType: string;
  readonly difficultyLevel: string;
  readonly language: string;
  readonly tags: readonly string[];
  readonly prerequisites: readonly string[];
  readonly learningObjectives: readonly string[];
  readonly metadata: Json;
  readonly settings: Json;
  readonly estimatedDurationMinutes: number | null;
}

/** Each version is made from the one before it. */
const parented = <Row extends { readonly number: number }>(
  row: Row,
): Row & { readonly parentNumber: number | null } => ({
  ...row,
  parentNumber: row.number === 1 ? null : row.number - 1,
});

export const list = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  beforeNumber: number | null,
  limit: number,
): Promise<readonly ContentVersionSummary[]> =>
  (await sql.listVersions(tx, { organizationId, contentId, beforeNumber, limit })).map(parented);

/** Of a lesson that is not deleted. */
export async function find(
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  which: number | "latest" | "live",
): Promise<ContentVersion | null> {
  const asked = typeof which === "number" ? { number: which, which: null } : { number: null, which };
  const row = await sql.findVersion(tx, { organizationId, contentId, ...asked });
  return row === null ? null : parented(row);
}
