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

/** A document, which the table lets be nothing but an object. */
type Document = { readonly [name: string]: Json };

/** What is written of a lesson. */
export interface ContentText {
  readonly contentId: string;
  readonly title: string;
  readonly slug: string;
  readonly description: string;
  readonly body: string;
  readonly contentType: string;
  readonly difficultyLevel: string;
  readonly language: string;
  readonly tags: readonly string[];
  readonly prerequisites: readonly string[];
  readonly learningObjectives: readonly string[];
  readonly metadata: Document;
  readonly settings: Document;
  readonly estimatedDurationMinutes: number | null;
}

/** A version whole. */
export interface ContentVersion extends ContentVersionSummary, ContentText {}

/** The version that was the one at a moment. */
export interface ContentAsOf extends ContentText {
  readonly number: number;
  readonly since: Date;
  /** Null: it still is the one. */
  readonly until: Date | null;
}

/** Each version is made from the one before it. */
const parented = <Row extends { readonly number: number }>(
  row: Row,
): Row & { readonly parentNumber: number | null } => ({
  ...row,
  parentNumber: row.number === 1 ? null : row.number - 1,
});

const documented = <Row extends { readonly metadata: Json; readonly settings: Json }>(row: Row) => ({
  ...row,
  metadata: row.metadata as Document,
  settings: row.settings as Document,
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
  return row === null ? null : parented(documented(row));
}

/** `latest`: what staff wrote; `live`: what readers saw; `live today`: that, of what they see something of today. */
export async function findAsOf(
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  at: Date,
  which: "latest" | "live" | "live today",
): Promise<ContentAsOf | null> {
  const row =
    which === "latest"
      ? await sql.findAsOf(tx, { organizationId, contentId, at })
      : await sql.findLiveAsOf(tx, { organizationId, contentId, at, liveToday: which === "live today" });
  return row === null ? null : documented(row);
}

/** The row of a lesson that has got the text of one of its versions back; null: it has no such version. */
export async function restore(
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  number: number,
  status: string,
) {
  const row = await sql.updateToVersion(tx, { organizationId, contentId, number, status });
  if (row === null) return null;
  const { contentId: id, ...rest } = documented(row);
  return { id, ...rest };
}
