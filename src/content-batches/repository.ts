/** Rows of many lessons at once, in and out: one statement each, however many they are. */
import * as sql from "#sql/content-batches";
import type { Json, TenantTx } from "../../sql/tx.ts";
import type { Standing } from "../workflow.ts";
import type { Content, ContentFields, ContentPatch } from "./content-batches.ts";

/** A lesson as it is now. */
export interface Stored {
  readonly id: string;
  readonly version: number;
  /** What readers see of it; null: nothing. */
  readonly liveNumber: number | null;
}

/** A lesson that has a slug or a source id somebody asks for. */
export interface Holder extends Pick<ContentFields, "slug" | "sourceId"> {
  readonly id: string;
}

/** What decides whether a lesson may be written, and how long it is. */
export interface Held
  extends Standing,
    Pick<Content, "id" | "slug" | "sourceId" | "version" | "createdById" | "deletedAt"> {
  readonly titleBytes: number;
  readonly descriptionBytes: number;
  readonly bodyBytes: number;
  readonly metadataBytes: number;
  readonly settingsBytes: number;
}

/** What is to become of a lesson. */
export interface ContentChange {
  readonly id: string;
  readonly patch: ContentPatch;
  /** The status that another text leads to. */
  readonly edited: Content["status"];
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

/** Of these lessons those by whose slug readers know another one, with that one. */
export async function listShadowed(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = await sql.listShadowed(tx, { organizationId, contentIds });
  return new Map(found.map(({ contentId, holderId }) => [contentId, holderId]));
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
  const records = contents.map(({ id, ...fields }) => ({ content_id: id, ...recordOf(fields) }));
  return (await sql.insertContents(tx, { organizationId, records })).map(withId);
}

/** Writes what is given and leaves the rest. */
export async function update(
  tx: TenantTx,
  organizationId: string,
  changes: readonly ContentChange[],
): Promise<readonly Stored[]> {
  const records = changes.map(({ id, patch, edited }) => ({
    content_id: id,
    edited,
    has_source: patch.sourceId !== undefined,
    has_duration: patch.estimatedDurationMinutes !== undefined,
    ...recordOf(patch),
  }));
  return (await sql.updateContents(tx, { organizationId, records })).map(withId);
}

/** As the database names them. What is not given is left out. */
function recordOf(fields: ContentPatch): { [column: string]: Json } {
  const columns: { [column: string]: Json | undefined } = {
    source_id: fields.sourceId,
    title: fields.title,
    slug: fields.slug,
    description: fields.description,
    body: fields.body,
    content_type: fields.contentType,
    difficulty_level: fields.difficultyLevel,
    language: fields.language,
    tags: fields.tags,
    prerequisites: fields.prerequisites,
    learning_objectives: fields.learningObjectives,
    metadata: fields.metadata,
    settings: fields.settings,
    estimated_duration_minutes: fields.estimatedDurationMinutes,
  };
  return Object.fromEntries(
    Object.entries(columns).filter((column): column is [string, Json] => column[1] !== undefined),
  );
}

export async function softDelete(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
): Promise<readonly Stored[]> {
  return (await sql.updateDeleted(tx, { organizationId, contentIds })).map(withId);
}
