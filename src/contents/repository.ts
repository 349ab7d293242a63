/** Rows of lessons, in and out. */
import * as sql from "#sql/contents";
import type { Json, TenantTx } from "../../sql/tx.ts";
import type { ContentStatus, Standing } from "../workflow.ts";

export const CONTENT_TYPES = ["lesson", "tutorial", "exercise", "quiz", "project", "reference"] as const;
export const DIFFICULTY_LEVELS = ["beginner", "intermediate", "advanced", "expert"] as const;
export type ContentType = (typeof CONTENT_TYPES)[number];
export type DifficultyLevel = (typeof DIFFICULTY_LEVELS)[number];

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** A lesson as lists show it: the working copy, or what readers see. */
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
  /** Since when readers have seen something of it. */
  readonly publishedAt: Date | null;
  /** Of the versions of its text. To readers there is none but the live one. */
  readonly latestNumber: number;
  /** What readers see; null: nothing. */
  readonly liveNumber: number | null;
  readonly publishAt: Date | null;
  readonly unpublishAt: Date | null;
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

/** The working copy. */
export const find = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  { includeDeleted }: { readonly includeDeleted: boolean },
): Promise<Content | null> =>
  orNull(await sql.findContent(tx, { organizationId, contentId, includeDeleted }));

/** What readers see. Who reviewed it and when it will change is none of their business. */
export async function findPublication(
  tx: TenantTx,
  organizationId: string,
  contentId: string,
): Promise<Content | null> {
  const row = await sql.findPublication(tx, { organizationId, contentId });
  if (row === null) return null;
  return toContent({
    ...row,
    ...asRead(row.number),
    reviewedAt: null,
    reviewedById: null,
    updatedById: null,
  });
}

/** What names one lesson. */
export interface ContentKey {
  readonly slug?: string;
  readonly sourceId?: string;
}

/** Which working copy, or which of what readers see (`live`), a name belongs to; null: none. */
export async function findId(
  tx: TenantTx,
  organizationId: string,
  { slug, sourceId }: ContentKey,
  { live }: { readonly live: boolean },
): Promise<string | null> {
  const row =
    slug !== undefined
      ? await (live ? sql.findLiveIdBySlug : sql.findIdBySlug)(tx, { organizationId, slug })
      : sourceId !== undefined
        ? await (live ? sql.findLiveIdBySourceId : sql.findIdBySourceId)(tx, { organizationId, sourceId })
        : null;
  return row?.contentId ?? null;
}

const asRead = (number: number) =>
  ({
    status: "published",
    latestNumber: number,
    liveNumber: number,
    publishAt: null,
    unpublishAt: null,
    deletedAt: null,
  }) as const;

/** Live or deleted, held until the transaction ends. */
export const lock = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
): Promise<Content | null> => orNull(await sql.lockContent(tx, { organizationId, contentId }));

/** What others need to know of a lesson on which they hang something. */
export interface VisibleContent extends Standing {
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
  if (row === null) return null;
  const { contentId: id, ...content } = row;
  return { id, ...content };
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
  fields: ContentFields & { readonly status: ContentStatus },
): Promise<Content> => toContent(await sql.updateContent(tx, { organizationId, contentId, ...fields }));

export const publish = async (tx: TenantTx, organizationId: string, contentId: string): Promise<Content> =>
  toContent(await sql.updatePublished(tx, { organizationId, contentId }));

/** `withdrawn`: nothing of it is live any more. `decided`: by its reviewer, who is the actor. */
export const updateStatus = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  change: { readonly status: ContentStatus; readonly withdrawn: boolean; readonly decided: boolean },
): Promise<Content> => toContent(await sql.updateStatus(tx, { organizationId, contentId, ...change }));

/** `decided`: by that its reviewer, who is the actor, has approved it. */
export const updateScheduled = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  change: Pick<Content, "status" | "publishAt" | "unpublishAt"> & { readonly decided: boolean },
): Promise<Content> => toContent(await sql.updateScheduled(tx, { organizationId, contentId, ...change }));

/** Those of which the person has written a version after the live one. */
export async function listOwnWork(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
  userId: string,
): Promise<ReadonlySet<string>> {
  const found = await sql.listOwnWork(tx, { organizationId, contentIds, userId });
  return new Set(found.map(({ contentId }) => contentId));
}

/** Of these lessons those whose review somebody other than the person was asked for. */
export async function listAskedOfOthers(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
  userId: string,
): Promise<ReadonlySet<string>> {
  const found = await sql.listAskedOfOthers(tx, { organizationId, contentIds, userId });
  return new Set(found.map(({ contentId }) => contentId));
}

/** Those whose latest version somebody other than the person has written. */
export async function listOthersWork(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
  userId: string,
): Promise<ReadonlySet<string>> {
  const found = await sql.listOthersWork(tx, { organizationId, contentIds, userId });
  return new Set(found.map(({ contentId }) => contentId));
}

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

/** Removes at most about `limit` rows of a deleted lesson, which is held, for good. False once nothing of it is left. */
export const purge = async (tx: TenantTx, contentId: string, limit: number): Promise<boolean> =>
  (await sql.deleteContent(tx, { contentId, limit })) !== null;
