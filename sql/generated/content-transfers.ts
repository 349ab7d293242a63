// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, count, many } from "../tx.ts";

export interface InsertContentsParams {
  readonly organizationId: string;
  readonly records: Exclude<Json, null>;
}

const insertContentsStatement: Statement = {
  name: "content-transfers/insert_contents",
  text: `insert /* content-transfers/insert_contents */ into app.content
  (organization_id, content_id, source_id, slug, title, description, body, content_type, difficulty_level, language, tags,
   prerequisites, learning_objectives, estimated_duration_minutes, metadata, settings, status, publish_at, unpublish_at,
   published_at, reviewed_at)
select
  $1, r.content_id, r.source_id, r.slug, r.title, r.description, r.body, r.content_type, r.difficulty_level,
  r.language, array(select json_array_elements_text(r.tags)), array(select json_array_elements_text(r.prerequisites)),
  array(select json_array_elements_text(r.learning_objectives)), r.estimated_duration_minutes, r.metadata::json,
  r.settings::json, r.status, r.publish_at, r.unpublish_at,
  case when r.status = 'published' then now() end, case when r.status = 'published' then now() end
from json_to_recordset($2::json) as r (
  content_id uuid, source_id text, slug text, title text, description text, body text, content_type text,
  difficulty_level text, language text, tags json, prerequisites json, learning_objectives json,
  estimated_duration_minutes integer, metadata text, settings text, status text, publish_at timestamptz,
  unpublish_at timestamptz
)`,
};

/** Adds a batch of lessons. What is published is published now. */
export function insertContents(tx: TenantTx, params: InsertContentsParams): Promise<number> {
  return count(tx, insertContentsStatement, [params.organizationId, params.records]);
}

export interface ListExportedParams {
  readonly organizationId: string;
  readonly contentIds: readonly string[];
}

export interface ListExportedRow {
  readonly contentId: string;
  readonly sourceId: string | null;
  readonly status: "draft" | "pending_review" | "approved" | "rejected" | "published" | "archived";
  readonly publishAt: string | null;
  readonly unpublishAt: string | null;
  readonly slug: string;
  readonly title: string;
  readonly description: string;
  readonly body: string;
  readonly contentType: "lesson" | "tutorial" | "exercise" | "quiz" | "project" | "reference";
  readonly difficultyLevel: "beginner" | "intermediate" | "advanced" | "expert";
  readonly language: string;
  readonly tags: readonly string[];
  readonly prerequisites: readonly string[];
  readonly learningObjectives: readonly string[];
  readonly estimatedDurationMinutes: number | null;
  readonly metadata: string;
  readonly settings: string;
  readonly beside: boolean;
  readonly liveSlug: string | null;
  readonly liveTitle: string | null;
  readonly liveDescription: string | null;
  readonly liveBody: string | null;
  readonly liveContentType: "lesson" | "tutorial" | "exercise" | "quiz" | "project" | "reference" | null;
  readonly liveDifficultyLevel: "beginner" | "intermediate" | "advanced" | "expert" | null;
  readonly liveLanguage: string | null;
  readonly liveTags: readonly string[] | null;
  readonly livePrerequisites: readonly string[] | null;
  readonly liveLearningObjectives: readonly string[] | null;
  readonly liveEstimatedDurationMinutes: number | null;
  readonly liveMetadata: string | null;
  readonly liveSettings: string | null;
}

const listExportedStatement: Statement = {
  name: "content-transfers/list_exported",
  text: `select /* content-transfers/list_exported */ c.content_id, c.source_id, c.status,
  to_char(c.publish_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as publish_at,
  to_char(c.unpublish_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as unpublish_at,
  c.slug, c.title, c.description, c.body, c.content_type, c.difficulty_level, c.language, c.tags, c.prerequisites,
  c.learning_objectives, c.estimated_duration_minutes, c.metadata::text as metadata, c.settings::text as settings,
  p.content_id is not null as beside,
  p.slug as live_slug, p.title as live_title, p.description as live_description, p.body as live_body,
  p.content_type as live_content_type, p.difficulty_level as live_difficulty_level, p.language as live_language,
  p.tags as live_tags, p.prerequisites as live_prerequisites, p.learning_objectives as live_learning_objectives,
  p.estimated_duration_minutes as live_estimated_duration_minutes, p.metadata::text as live_metadata,
  p.settings::text as live_settings
from app.content c
left join app.publication p
  on p.organization_id = c.organization_id and p.content_id = c.content_id and p.deleted_at is null and c.status <> 'published'
where c.organization_id = $1 and c.content_id = any ($2::uuid[]) and c.deleted_at is null`,
};

/**
 * Lessons whole, as an export writes them, and what readers see where that is another text. Documents as they are stored,
 * to the letter.
 */
export function listExported(tx: TenantTx, params: ListExportedParams): Promise<readonly ListExportedRow[]> {
  return many<ListExportedRow>(tx, listExportedStatement, [params.organizationId, params.contentIds]);
}

export interface ListIdsParams {
  readonly organizationId: string;
}

export interface ListIdsRow {
  readonly contentId: string;
  readonly bytes: number;
}

const listIdsStatement: Statement = {
  name: "content-transfers/list_ids",
  text: `select /* content-transfers/list_ids */ content_id, octet_length(body) + octet_length(metadata::text) + octet_length(settings::text) as bytes
from app.content
where organization_id = $1 and deleted_at is null
order by source_id is null, source_id collate "C", slug collate "C"`,
};

/** Every live lesson, with about how many bytes it is, in the order of an export: by what it is known by. */
export function listIds(tx: TenantTx, params: ListIdsParams): Promise<readonly ListIdsRow[]> {
  return many<ListIdsRow>(tx, listIdsStatement, [params.organizationId]);
}

export interface LockKnownParams {
  readonly organizationId: string;
  readonly sourceIds: readonly string[];
  readonly slugs: readonly string[];
}

export interface LockKnownRow {
  readonly contentId: string;
  readonly sourceId: string | null;
  readonly slug: string;
}

const lockKnownStatement: Statement = {
  name: "content-transfers/lock_known",
  text: `select /* content-transfers/lock_known */ content_id, source_id, slug
from app.content
where organization_id = $1 and deleted_at is null
  and (source_id = any ($2::text[]) or (source_id is null and slug = any ($3::text[])))
order by content_id
for no key update`,
};

/**
 * Live lessons by what an import knows them by, held until the transaction ends: the source id, and where a lesson has none
 * its slug.
 */
export function lockKnown(tx: TenantTx, params: LockKnownParams): Promise<readonly LockKnownRow[]> {
  return many<LockKnownRow>(tx, lockKnownStatement, [params.organizationId, params.sourceIds, params.slugs]);
}

export interface UpdateContentsParams {
  readonly records: Exclude<Json, null>;
  readonly organizationId: string;
}

export interface UpdateContentsRow {
  readonly contentId: string;
}

const updateContentsStatement: Statement = {
  name: "content-transfers/update_contents",
  text: `update /* content-transfers/update_contents */ app.content c
set slug = r.slug, title = r.title, description = r.description, body = r.body, content_type = r.content_type,
  difficulty_level = r.difficulty_level, language = r.language, tags = r.tags, prerequisites = r.prerequisites,
  learning_objectives = r.learning_objectives, estimated_duration_minutes = r.estimated_duration_minutes,
  metadata = r.metadata, settings = r.settings, status = r.status, publish_at = r.publish_at, unpublish_at = r.unpublish_at,
  published_at = case when r.live then coalesce(c.published_at, now()) end,
  reviewed_at = case when r.status = 'published' and c.status <> 'published' then now() else c.reviewed_at end,
  reviewed_by_id = case when r.status = 'published' and c.status <> 'published' then app.actor() else c.reviewed_by_id end
from (
  select content_id, slug, title, description, body, content_type, difficulty_level, language,
    array(select json_array_elements_text(g.tags)) as tags,
    array(select json_array_elements_text(g.prerequisites)) as prerequisites,
    array(select json_array_elements_text(g.learning_objectives)) as learning_objectives,
    estimated_duration_minutes, metadata::json as metadata, settings::json as settings, status, publish_at, unpublish_at,
    live, beside
  from json_to_recordset($1::json) as g (
    content_id uuid, slug text, title text, description text, body text, content_type text, difficulty_level text,
    language text, tags json, prerequisites json, learning_objectives json, estimated_duration_minutes integer,
    metadata text, settings text, status text, publish_at timestamptz, unpublish_at timestamptz, live boolean, beside boolean
  )
) r
left join app.publication p
  on p.organization_id = $2 and p.content_id = r.content_id and p.deleted_at is null
where c.organization_id = $2 and c.content_id = r.content_id and c.deleted_at is null
  and case
    when r.beside then
      p.content_id is null
      or (p.slug, p.title, p.description, p.body, p.content_type, p.difficulty_level, p.language, p.tags, p.prerequisites,
          p.learning_objectives, p.estimated_duration_minutes, p.metadata::text, p.settings::text)
        is distinct from
         (r.slug, r.title, r.description, r.body, r.content_type, r.difficulty_level, r.language, r.tags, r.prerequisites,
          r.learning_objectives, r.estimated_duration_minutes, r.metadata::text, r.settings::text)
    else
      (c.slug, c.title, c.description, c.body, c.content_type, c.difficulty_level, c.language, c.tags, c.prerequisites,
       c.learning_objectives, c.estimated_duration_minutes, c.metadata::text, c.settings::text, c.status, c.publish_at,
       c.unpublish_at, c.published_at is not null)
        is distinct from
      (r.slug, r.title, r.description, r.body, r.content_type, r.difficulty_level, r.language, r.tags, r.prerequisites,
       r.learning_objectives, r.estimated_duration_minutes, r.metadata::text, r.settings::text, r.status, r.publish_at,
       r.unpublish_at, r.live)
  end
returning c.content_id`,
};

/**
 * Makes a batch of lessons what their records say; those that are so already are left alone and do not come back. `live`:
 * readers see something of it. `beside`: the record is what they see, and the draft beside it comes after.
 */
export function updateContents(
  tx: TenantTx,
  params: UpdateContentsParams,
): Promise<readonly UpdateContentsRow[]> {
  return many<UpdateContentsRow>(tx, updateContentsStatement, [params.records, params.organizationId]);
}
