/** Rows of many lessons at once, in and out: one statement each, however many they are. */
import * as sql from "#sql/content-batches";
import type { TenantTx } from "../../sql/tx.ts";
import type { Content, ContentFields } from "./content-batches.ts";

/** A lesson as it is now. */
export interface Stored {
  readonly id: string;
  readonly version: number;
}

/** A lesson that has a slug or a source id somebody asks for. */
export interface Holder extends Pick<ContentFields, "slug" | "sourceId"> {
  readonly id: string;
}

/** What decides whether a lesson may be written, and how long it is. */
export interface Held
  extends Pick<Content, "id" | "slug" | "sourceId" | "status" | "version" | "createdById" | "deletedAt"> {
  readonly titleBytes: number;
  readonly descriptionBytes: number;
  readonly bodyBytes: number;
  readonly metadataBytes: number;
  readonly settingsBytes: number;
}

export interface NewContent extends ContentFields {
  readonly id: string;
}

const withId = <Row extends { readonly contentId: string }>({ contentId: id, ...row }: Row) => ({
  id,
  ...row,
});

/** The live lessons that have one of these slugs or source ids. */
export async function listHolders(
  tx: TenantTx,
  organizationId: string,
  slugs: readonly string[],
  sourceIds: readonly string[],
): Promise<readonly Holder[]> {
  return (await sql.listHolders(tx, { organizationId, slugs, sourceIds })).map(withId);
}

/** Live or deleted, held until the transaction ends. */
export async function lock(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
): Promise<ReadonlyMap<string, Held>> {
  const rows = await sql.lockContents(tx, { organizationId, contentIds });
  return new Map(rows.map((row) => [row.contentId, withId(row)]));
}

export async function insert(
  tx: TenantTx,
  organizationId: string,
  contents: readonly NewContent[],
): Promise<readonly Stored[]> {
  const records = contents.map((content) => ({
    content_id: content.id,
    source_id: content.sourceId,
    title: content.title,
    slug: content.slug,
    description: content.description,
    body: content.body,
    content_type: content.contentType,
    difficulty_level: content.difficultyLevel,
    language: content.language,
    tags: content.tags,
    prerequisites: content.prerequisites,
    learning_objectives: content.learningObjectives,
    metadata: content.metadata,
    settings: content.settings,
    estimated_duration_minutes: content.estimatedDurationMinutes,
  }));
  return (await sql.insertContents(tx, { organizationId, records })).map(withId);
}

export async function softDelete(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
): Promise<readonly Stored[]> {
  return (await sql.updateDeleted(tx, { organizationId, contentIds })).map(withId);
}
