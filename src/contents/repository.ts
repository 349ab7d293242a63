/** Rows of lessons, in and out. */
import * as sql from "#sql/contents";
import type { Json, TenantTx } from "../../sql/tx.ts";

export const CONTENT_TYPES = ["lesson", "tutorial", "exercise", "quiz", "project", "reference"] as const;
export const DIFFICULTY_LEVELS = ["beginner", "intermediate", "advanced", "expert"] as const;
export const CONTENT_STATUSES = [
  "draft",
  "pending_review",
  "approved",
  "rejected",
  "published",
  "archived",
] as const;
export type ContentType = (typeof CONTENT_TYPES)[number];
export type DifficultyLevel = (typeof DIFFICULTY_LEVELS)[number];
export type ContentStatus = (typeof CONTENT_STATUSES)[number];

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** A lesson as lists show it. */
export interface ContentSummary {
  readonly id: string;
  readonly sourceId: string | null;
  readonly title: string;
  readonly slug: string;
  readonly description: string;
  readonly contentType: ContentType;
  readonly difficultyLevel: DifficultyLevel;
  readonly status: ContentStatus;
  readonly language: string;
  readonly tags: readonly string[];
  readonly estimatedDurationMinutes: number | null;
  readonly publishedAt: Date | null;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdById: string | null;
  readonly deletedAt: Date | null;
}

/** A lesson whole. */
export interface Content extends ContentSummary {
  readonly body: string;
  readonly prerequisites: readonly string[];
  readonly learningObjectives: readonly string[];
  readonly metadata: JsonObject;
  readonly settings: JsonObject;
  readonly reviewedAt: Date | null;
  readonly reviewedById: string | null;
  readonly updatedById: string | null;
}

/** What may be written of a lesson. Status, version and authorship have ways of their own. */
export interface ContentFields {
  readonly sourceId: string | null;
  readonly title: string;
  readonly slug: string;
  readonly description: string;
  readonly body: string;
  readonly contentType: ContentType;
  readonly difficultyLevel: DifficultyLevel;
  readonly language: string;
  readonly tags: readonly string[];
  readonly prerequisites: readonly string[];
  readonly learningObjectives: readonly string[];
  readonly metadata: JsonObject;
  readonly settings: JsonObject;
  readonly estimatedDurationMinutes: number | null;
}

export interface ContentFilter {
  readonly status: ContentStatus | null;
  readonly contentType: ContentType | null;
  readonly difficultyLevel: DifficultyLevel | null;
  readonly language: string | null;
  readonly tag: string | null;
  readonly sourceId: string | null;
  readonly slug: string | null;
  readonly includeDeleted: boolean;
  /** Without it drafts are listed too. */
  readonly publishedOnly: boolean;
}

type Row = Omit<Content, "id" | "metadata" | "settings"> & {
  readonly contentId: string;
  readonly metadata: Json;
  readonly settings: Json;
};

// The table refuses documents that are no objects.
const toContent = ({ contentId: id, metadata, settings, ...row }: Row): Content => ({
  id,
  ...row,
  metadata: metadata as JsonObject,
  settings: settings as JsonObject,
});

const orNull = (row: Row | null): Content | null => (row === null ? null : toContent(row));

export const find = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  { publishedOnly, includeDeleted }: { readonly publishedOnly: boolean; readonly includeDeleted: boolean },
): Promise<Content | null> =>
  orNull(await sql.findContent(tx, { organizationId, contentId, publishedOnly, includeDeleted }));

/** Live or deleted, held until the transaction ends. */
export const lock = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
): Promise<Content | null> => orNull(await sql.lockContent(tx, { organizationId, contentId }));

/** What others need to know of a lesson on which they hang something. */
export interface VisibleContent {
  readonly id: string;
  readonly createdById: string | null;
  readonly published: boolean;
}

/** `hold`: it can be neither changed nor deleted until the transaction ends. */
export async function findVisible(
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  { publishedOnly, hold }: { readonly publishedOnly: boolean; readonly hold: boolean },
): Promise<VisibleContent | null> {
  const find = hold ? sql.lockVisible : sql.findVisible;
  const row = await find(tx, { organizationId, contentId, publishedOnly });
  return row === null ? null : { id: row.contentId, createdById: row.createdById, published: row.published };
}

export async function list(
  tx: TenantTx,
  organizationId: string,
  filter: ContentFilter,
  beforeId: string | null,
  limit: number,
): Promise<readonly ContentSummary[]> {
  const rows = await sql.listContents(tx, { organizationId, ...filter, beforeId, limit });
  return rows.map(({ contentId: id, ...row }) => ({ id, ...row }));
}

export const insert = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  fields: ContentFields,
): Promise<Content> => toContent(await sql.insertContent(tx, { organizationId, contentId, ...fields }));

export const update = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  fields: ContentFields,
): Promise<Content> => toContent(await sql.updateContent(tx, { organizationId, contentId, ...fields }));

export const publish = async (tx: TenantTx, organizationId: string, contentId: string): Promise<Content> =>
  toContent(await sql.updatePublished(tx, { organizationId, contentId }));

export const unpublish = async (tx: TenantTx, organizationId: string, contentId: string): Promise<Content> =>
  toContent(await sql.updateUnpublished(tx, { organizationId, contentId }));

export const softDelete = (tx: TenantTx, organizationId: string, contentId: string): Promise<number> =>
  sql.updateDeleted(tx, { organizationId, contentId, deletionId: Bun.randomUUIDv7() });

export const restore = async (tx: TenantTx, organizationId: string, contentId: string): Promise<Content> =>
  toContent(await sql.updateRestored(tx, { organizationId, contentId }));

/** One record of an import, checked. */
export interface ImportedContent {
  readonly sourceId: string;
  readonly title: string;
  readonly slug: string;
  readonly description: string;
  readonly body: string;
  readonly language: string;
  readonly tags: readonly string[];
  readonly metadata: JsonObject;
}

/** Stores a batch; gives the lessons that were added or changed. Each source id at most once. */
export async function upsertImported(
  tx: TenantTx,
  organizationId: string,
  records: readonly ImportedContent[],
  publish: boolean,
): Promise<readonly { readonly id: string; readonly sourceId: string | null; readonly version: number }[]> {
  const rows = await sql.upsertImported(tx, {
    organizationId,
    publish,
    records: records.map(({ sourceId, ...record }) => ({
      content_id: Bun.randomUUIDv7(),
      source_id: sourceId,
      ...record,
    })),
  });
  return rows.map(({ contentId: id, ...row }) => ({ id, ...row }));
}
