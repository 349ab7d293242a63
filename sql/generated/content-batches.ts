// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, many } from "../tx.ts";

export interface InsertContentsParams {
  readonly organizationId: string;
  readonly records: Exclude<Json, null>;
}

export interface InsertContentsRow {
  readonly contentId: string;
  readonly version: number;
  readonly liveNumber: number | null;
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
returning content_id, version, live_number`,
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

export interface ListShadowedParams {
  readonly organizationId: string;
  readonly contentIds: readonly string[];
}

export interface ListShadowedRow {
  readonly contentId: string;
  readonly holderId: string;
}

const listShadowedStatement: Statement = {
  name: "content-batches/list_shadowed",
  text: `select /* content-batches/list_shadowed */ c.content_id, p.content_id as holder_id
from app.content c
cross join lateral (
  select held.content_id from app.publication held
  where held.organization_id = c.organization_id and held.slug = c.slug and held.deleted_at is null
  limit 1
) p
where c.organization_id = $1 and c.content_id = any($2::uuid[]) and p.content_id <> c.content_id`,
};

/** Of these lessons those by whose slug readers know another one, with that one. */
export function listShadowed(tx: TenantTx, params: ListShadowedParams): Promise<readonly ListShadowedRow[]> {
  return many<ListShadowedRow>(tx, listShadowedStatement, [params.organizationId, params.contentIds]);
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
  readonly liveNumber: number | null;
  readonly publishAt: Date | null;
  readonly unpublishAt: Date | null;
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
  text: `select /* content-batches/lock_contents */ content_id, slug, source_id, status, live_number, publish_at, unpublish_at, version, created_by_id, deleted_at,
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

export interface UpdateContentsParams {
  readonly records: Exclude<Json, null>;
  readonly organizationId: string;
}

export interface UpdateContentsRow {
  readonly contentId: string;
  readonly version: number;
  readonly liveNumber: number | null;
}

const updateContentsStatement: Statement = {
  name: "content-batches/update_contents",
  text: `update /* content-batches/update_contents */ app.content c
set
  title = n.title, slug = n.slug, description = n.description, body = n.body, content_type = n.content_type,
  difficulty_level = n.difficulty_level, language = n.language, tags = n.tags, prerequisites = n.prerequisites,
  learning_objectives = n.learning_objectives, metadata = n.metadata, settings = n.settings,
  estimated_duration_minutes = n.estimated_duration_minutes, source_id = n.source_id,
  status = case
    when (n.title, n.slug, n.description, n.body, n.content_type, n.difficulty_level, n.language, n.tags, n.prerequisites,
          n.learning_objectives, n.metadata::text, n.settings::text, n.estimated_duration_minutes)
      is distinct from
         (c.title, c.slug, c.description, c.body, c.content_type, c.difficulty_level, c.language, c.tags, c.prerequisites,
          c.learning_objectives, c.metadata::text, c.settings::text, c.estimated_duration_minutes)
    then n.edited
    else c.status
  end
from (
  select
    o.content_id, r.edited, coalesce(r.title, o.title) as title, coalesce(r.slug, o.slug) as slug,
    coalesce(r.description, o.description) as description, coalesce(r.body, o.body) as body,
    coalesce(r.content_type, o.content_type) as content_type,
    coalesce(r.difficulty_level, o.difficulty_level) as difficulty_level, coalesce(r.language, o.language) as language,
    case when r.tags is null then o.tags else array(select json_array_elements_text(r.tags)) end as tags,
    case when r.prerequisites is null then o.prerequisites
      else array(select json_array_elements_text(r.prerequisites)) end as prerequisites,
    case when r.learning_objectives is null then o.learning_objectives
      else array(select json_array_elements_text(r.learning_objectives)) end as learning_objectives,
    coalesce(r.metadata, o.metadata) as metadata, coalesce(r.settings, o.settings) as settings,
    case when r.has_duration then r.estimated_duration_minutes else o.estimated_duration_minutes end
      as estimated_duration_minutes,
    case when r.has_source then r.source_id else o.source_id end as source_id
  from json_to_recordset($1::json) as r (
    content_id uuid, edited text, title text, slug text, description text, body text, content_type text,
    difficulty_level text, language text, tags json, prerequisites json, learning_objectives json, metadata json,
    settings json, has_duration boolean, estimated_duration_minutes integer, has_source boolean, source_id text
  )
  join app.content o on o.organization_id = $2 and o.content_id = r.content_id
) n
where c.organization_id = $2 and c.content_id = n.content_id and c.deleted_at is null
returning c.content_id, c.version, c.live_number`,
};

/** Writes what is given of lessons and leaves the rest; another text leads to the status that comes with it. */
export function updateContents(
  tx: TenantTx,
  params: UpdateContentsParams,
): Promise<readonly UpdateContentsRow[]> {
  return many<UpdateContentsRow>(tx, updateContentsStatement, [params.records, params.organizationId]);
}

export interface UpdateDeletedParams {
  readonly organizationId: string;
  readonly contentIds: readonly string[];
}

export interface UpdateDeletedRow {
  readonly contentId: string;
  readonly version: number;
  readonly liveNumber: number | null;
}

const updateDeletedStatement: Statement = {
  name: "content-batches/update_deleted",
  text: `update /* content-batches/update_deleted */ app.content c
set deleted_at = now(), deleted_by_id = app.actor(), deletion_id = app.uuidv7()
where c.organization_id = $1 and c.content_id = any($2::uuid[]) and c.deleted_at is null
returning c.content_id, c.version, c.live_number`,
};

/** Deletes live lessons softly, each by a deletion of its own, so that each can be restored by itself. */
export function updateDeleted(
  tx: TenantTx,
  params: UpdateDeletedParams,
): Promise<readonly UpdateDeletedRow[]> {
  return many<UpdateDeletedRow>(tx, updateDeletedStatement, [params.organizationId, params.contentIds]);
}
