// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, many } from "../tx.ts";

export interface InsertContentsParams {
  readonly organizationId: string;
  readonly records: Exclude<Json, null>;
}

export interface InsertContentsRow {
  readonly contentId: string;
  readonly version: number;
}

const insertContentsStatement: Statement = {
  name: "content-batches/insert_contents",
  text: `insert /* content-batches/insert_contents */ into app.content
  (organization_id, content_id, source_id, title, slug, description, body, content_type, difficulty_level, language,
   tags, prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes)
select
  $1, r.content_id, r.source_id, r.title, r.slug, r.description, r.body, r.content_type,
  r.difficulty_level, r.language, array(select json_array_elements_text(r.tags)),
  array(select json_array_elements_text(r.prerequisites)), array(select json_array_elements_text(r.learning_objectives)),
  r.metadata, r.settings, r.estimated_duration_minutes
from json_to_recordset($2::json) as r (
  content_id uuid, source_id text, title text, slug text, description text, body text, content_type text,
  difficulty_level text, language text, tags json, prerequisites json, learning_objectives json, metadata json,
  settings json, estimated_duration_minutes integer
)
order by r.slug
returning content_id, version`,
};

/** Adds lessons as drafts. By slug: two batches that want the same ones must not wait for each other. */
export function insertContents(
  tx: TenantTx,
  params: InsertContentsParams,
): Promise<readonly InsertContentsRow[]> {
  return many<InsertContentsRow>(tx, insertContentsStatement, [params.organizationId, params.records]);
}

export interface ListHoldersParams {
  readonly organizationId: string;
  readonly slugs: readonly string[];
  readonly sourceIds: readonly string[];
}

export interface ListHoldersRow {
  readonly contentId: string;
  readonly slug: string;
  readonly sourceId: string | null;
}

const listHoldersStatement: Statement = {
  name: "content-batches/list_holders",
  text: `select /* content-batches/list_holders */ content_id, slug, source_id
from app.content
where organization_id = $1 and deleted_at is null
  and (slug = any($2::text[]) or source_id = any($3::text[]))`,
};

/** The live lessons that have one of these slugs or source ids. */
export function listHolders(tx: TenantTx, params: ListHoldersParams): Promise<readonly ListHoldersRow[]> {
  return many<ListHoldersRow>(tx, listHoldersStatement, [
    params.organizationId,
    params.slugs,
    params.sourceIds,
  ]);
}

export interface LockContentsParams {
  readonly organizationId: string;
  readonly contentIds: readonly string[];
}

export interface LockContentsRow {
  readonly contentId: string;
  readonly slug: string;
  readonly sourceId: string | null;
  readonly status: "draft" | "pending_review" | "approved" | "rejected" | "published" | "archived";
  readonly version: number;
  readonly createdById: string | null;
  readonly deletedAt: Date | null;
  readonly titleBytes: number;
  readonly descriptionBytes: number;
  readonly bodyBytes: number;
  readonly metadataBytes: number;
  readonly settingsBytes: number;
}

const lockContentsStatement: Statement = {
  name: "content-batches/lock_contents",
  text: `select /* content-batches/lock_contents */ content_id, slug, source_id, status, version, created_by_id, deleted_at,
  octet_length(title) as title_bytes, octet_length(description) as description_bytes, octet_length(body) as body_bytes,
  octet_length(metadata::text) as metadata_bytes, octet_length(settings::text) as settings_bytes
from app.content
where organization_id = $1 and content_id = any($2::uuid[])
order by content_id
for update`,
};

/**
 * What is asked of lessons before they are written: whose, in which state, and how long, without reading their texts. Live
 * or deleted, held until the transaction ends. Always in one order: two batches must not wait for each other.
 */
export function lockContents(tx: TenantTx, params: LockContentsParams): Promise<readonly LockContentsRow[]> {
  return many<LockContentsRow>(tx, lockContentsStatement, [params.organizationId, params.contentIds]);
}

export interface UpdateDeletedParams {
  readonly organizationId: string;
  readonly contentIds: readonly string[];
}

export interface UpdateDeletedRow {
  readonly contentId: string;
  readonly version: number;
}

const updateDeletedStatement: Statement = {
  name: "content-batches/update_deleted",
  text: `update /* content-batches/update_deleted */ app.content c
set deleted_at = now(), deleted_by_id = app.actor(), deletion_id = app.uuidv7()
where c.organization_id = $1 and c.content_id = any($2::uuid[]) and c.deleted_at is null
returning c.content_id, c.version`,
};

/** Deletes live lessons softly, each by a deletion of its own, so that each can be restored by itself. */
export function updateDeleted(
  tx: TenantTx,
  params: UpdateDeletedParams,
): Promise<readonly UpdateDeletedRow[]> {
  return many<UpdateDeletedRow>(tx, updateDeletedStatement, [params.organizationId, params.contentIds]);
}
