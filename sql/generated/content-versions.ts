// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, many, maybe } from "../tx.ts";

export interface FindAsOfParams {
  readonly organizationId: string;
  readonly contentId: string;
  readonly at: Date;
}

export interface FindAsOfRow {
  readonly contentId: string;
  readonly number: number;
  readonly title: string;
  readonly slug: string;
  readonly description: string;
  readonly body: string;
  readonly contentType: "lesson" | "tutorial" | "exercise" | "quiz" | "project" | "reference";
  readonly difficultyLevel: "beginner" | "intermediate" | "advanced" | "expert";
  readonly language: string;
  readonly tags: readonly string[];
  readonly prerequisites: readonly string[];
  readonly learningObjectives: readonly string[];
  readonly metadata: Json;
  readonly settings: Json;
  readonly estimatedDurationMinutes: number | null;
  readonly since: Date;
  readonly until: Date | null;
}

const findAsOfStatement: Statement = {
  name: "content-versions/find_as_of",
  text: `select /* content-versions/find_as_of */ v.content_id, v.number, v.title, v.slug, v.description, v.body, v.content_type, v.difficulty_level, v.language, v.tags,
  v.prerequisites, v.learning_objectives, v.metadata, v.settings, v.estimated_duration_minutes, v.created_at as since,
  (
    select n.created_at from app.content_version n
    where n.organization_id = v.organization_id and n.content_id = v.content_id and n.number = v.number + 1
  ) as until
from app.content c
join app.content_version v on v.organization_id = c.organization_id and v.content_id = c.content_id
where c.organization_id = $1 and c.content_id = $2 and c.deleted_at is null
  and date_trunc('milliseconds', v.created_at) <= $3::timestamptz
order by v.number desc
limit 1`,
};

/**
 * The text that was a lesson's latest at a moment, in whole milliseconds as moments travel, and until when. A deleted lesson
 * has none.
 */
export function findAsOf(tx: TenantTx, params: FindAsOfParams): Promise<FindAsOfRow | null> {
  return maybe<FindAsOfRow>(tx, findAsOfStatement, [params.organizationId, params.contentId, params.at]);
}

export interface FindLiveAsOfParams {
  readonly organizationId: string;
  readonly contentId: string;
  readonly liveToday: boolean;
  readonly at: Date;
}

export interface FindLiveAsOfRow {
  readonly contentId: string;
  readonly number: number;
  readonly title: string;
  readonly slug: string;
  readonly description: string;
  readonly body: string;
  readonly contentType: "lesson" | "tutorial" | "exercise" | "quiz" | "project" | "reference";
  readonly difficultyLevel: "beginner" | "intermediate" | "advanced" | "expert";
  readonly language: string;
  readonly tags: readonly string[];
  readonly prerequisites: readonly string[];
  readonly learningObjectives: readonly string[];
  readonly metadata: Json;
  readonly settings: Json;
  readonly estimatedDurationMinutes: number | null;
  readonly since: Date;
  readonly until: Date | null;
}

const findLiveAsOfStatement: Statement = {
  name: "content-versions/find_live_as_of",
  text: `select /* content-versions/find_live_as_of */ v.content_id, v.number, v.title, v.slug, v.description, v.body, v.content_type, v.difficulty_level, v.language, v.tags,
  v.prerequisites, v.learning_objectives, v.metadata, v.settings, v.estimated_duration_minutes, p.published_at as since,
  p.ended_at as until
from app.content c
join app.publication_period p on p.organization_id = c.organization_id and p.content_id = c.content_id
join app.content_version v
  on v.organization_id = p.organization_id and v.content_id = p.content_id and v.number = p.number
where c.organization_id = $1 and c.content_id = $2 and c.deleted_at is null
  and (not $3::boolean or c.live_number is not null)
  and date_trunc('milliseconds', p.published_at) <= $4::timestamptz
  and (p.ended_at is null or date_trunc('milliseconds', p.ended_at) > $4::timestamptz)
order by p.published_at desc
limit 1`,
};

/**
 * The text of a lesson that readers saw at a moment, in whole milliseconds as moments travel, from when until when. A deleted
 * lesson has none, and for readers neither has one of which nothing is live today.
 */
export function findLiveAsOf(tx: TenantTx, params: FindLiveAsOfParams): Promise<FindLiveAsOfRow | null> {
  return maybe<FindLiveAsOfRow>(tx, findLiveAsOfStatement, [
    params.organizationId,
    params.contentId,
    params.liveToday,
    params.at,
  ]);
}

export interface FindVersionParams {
  readonly which: string | null;
  readonly number: number | null;
  readonly organizationId: string;
  readonly contentId: string;
}

export interface FindVersionRow {
  readonly contentId: string;
  readonly number: number;
  readonly title: string;
  readonly createdAt: Date;
  readonly createdById: string | null;
  readonly restoredFromNumber: number | null;
  readonly isLatest: boolean;
  readonly isLive: boolean;
  readonly slug: string;
  readonly description: string;
  readonly body: string;
  readonly contentType: "lesson" | "tutorial" | "exercise" | "quiz" | "project" | "reference";
  readonly difficultyLevel: "beginner" | "intermediate" | "advanced" | "expert";
  readonly language: string;
  readonly tags: readonly string[];
  readonly prerequisites: readonly string[];
  readonly learningObjectives: readonly string[];
  readonly metadata: Json;
  readonly settings: Json;
  readonly estimatedDurationMinutes: number | null;
}

const findVersionStatement: Statement = {
  name: "content-versions/find_version",
  text: `select /* content-versions/find_version */ v.content_id, v.number, v.title, v.created_at, v.created_by_id, v.restored_from_number,
  v.number = c.latest_number as is_latest, v.number is not distinct from c.live_number as is_live, v.slug, v.description,
  v.body, v.content_type, v.difficulty_level, v.language, v.tags, v.prerequisites, v.learning_objectives, v.metadata,
  v.settings, v.estimated_duration_minutes
from app.content c
join app.content_version v
  on v.organization_id = c.organization_id and v.content_id = c.content_id
  and v.number = case $1::text when 'latest' then c.latest_number when 'live' then c.live_number else $2 end
where c.organization_id = $3 and c.content_id = $4 and c.deleted_at is null`,
};

/** One version of a lesson that is not deleted, whole: by its number, or the latest, or the one that readers see. */
export function findVersion(tx: TenantTx, params: FindVersionParams): Promise<FindVersionRow | null> {
  return maybe<FindVersionRow>(tx, findVersionStatement, [
    params.which,
    params.number,
    params.organizationId,
    params.contentId,
  ]);
}

export interface ListVersionsParams {
  readonly organizationId: string;
  readonly contentId: string;
  readonly beforeNumber: number | null;
  readonly limit: number;
}

export interface ListVersionsRow {
  readonly number: number;
  readonly title: string;
  readonly createdAt: Date;
  readonly createdById: string | null;
  readonly restoredFromNumber: number | null;
  readonly isLatest: boolean;
  readonly isLive: boolean;
}

const listVersionsStatement: Statement = {
  name: "content-versions/list_versions",
  text: `select /* content-versions/list_versions */ v.number, v.title, v.created_at, v.created_by_id, v.restored_from_number, v.number = c.latest_number as is_latest,
  v.number is not distinct from c.live_number as is_live
from app.content_version v
join app.content c on c.organization_id = v.organization_id and c.content_id = v.content_id
where v.organization_id = $1 and v.content_id = $2
  and ($3::integer is null or v.number < $3)
order by v.number desc
limit $4::int`,
};

/** Versions of a lesson without their texts, newest first. */
export function listVersions(tx: TenantTx, params: ListVersionsParams): Promise<readonly ListVersionsRow[]> {
  return many<ListVersionsRow>(tx, listVersionsStatement, [
    params.organizationId,
    params.contentId,
    params.beforeNumber,
    params.limit,
  ]);
}

export interface UpdateToVersionParams {
  readonly status: string;
  readonly organizationId: string;
  readonly contentId: string;
  readonly number: number;
}

export interface UpdateToVersionRow {
  readonly contentId: string;
  readonly sourceId: string | null;
  readonly title: string;
  readonly slug: string;
  readonly description: string;
  readonly body: string;
  readonly contentType: "lesson" | "tutorial" | "exercise" | "quiz" | "project" | "reference";
  readonly difficultyLevel: "beginner" | "intermediate" | "advanced" | "expert";
  readonly status: "draft" | "pending_review" | "approved" | "rejected" | "published" | "archived";
  readonly language: string;
  readonly tags: readonly string[];
  readonly prerequisites: readonly string[];
  readonly learningObjectives: readonly string[];
  readonly metadata: Json;
  readonly settings: Json;
  readonly estimatedDurationMinutes: number | null;
  readonly publishedAt: Date | null;
  readonly reviewedAt: Date | null;
  readonly reviewedById: string | null;
  readonly latestNumber: number;
  readonly liveNumber: number | null;
  readonly publishAt: Date | null;
  readonly unpublishAt: Date | null;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdById: string | null;
  readonly updatedById: string | null;
  readonly deletedAt: Date | null;
}

const updateToVersionStatement: Statement = {
  name: "content-versions/update_to_version",
  text: `update /* content-versions/update_to_version */ app.content c
set status = case
    when (c.title, c.slug, c.description, c.body, c.content_type, c.difficulty_level, c.language, c.tags, c.prerequisites,
        c.learning_objectives, c.metadata::text, c.settings::text, c.estimated_duration_minutes)
      is distinct from
      (v.title, v.slug, v.description, v.body, v.content_type, v.difficulty_level, v.language, v.tags, v.prerequisites,
        v.learning_objectives, v.metadata::text, v.settings::text, v.estimated_duration_minutes) then $1
    else c.status
  end,
  title = v.title, slug = v.slug, description = v.description, body = v.body, content_type = v.content_type,
  difficulty_level = v.difficulty_level, language = v.language, tags = v.tags, prerequisites = v.prerequisites,
  learning_objectives = v.learning_objectives, metadata = v.metadata, settings = v.settings,
  estimated_duration_minutes = v.estimated_duration_minutes, restored_from_number = v.number
from app.content_version v
where c.organization_id = $2 and c.content_id = $3 and c.deleted_at is null
  and v.organization_id = c.organization_id and v.content_id = c.content_id and v.number = $4
returning c.content_id, c.source_id, c.title, c.slug, c.description, c.body, c.content_type, c.difficulty_level, c.status,
  c.language, c.tags, c.prerequisites, c.learning_objectives, c.metadata, c.settings, c.estimated_duration_minutes,
  c.published_at, c.reviewed_at, c.reviewed_by_id, c.latest_number, c.live_number, c.publish_at, c.unpublish_at, c.version,
  c.created_at, c.updated_at, c.created_by_id, c.updated_by_id, c.deleted_at`,
};

/** Brings an earlier text of a live lesson back as its latest. Where it is that already, the status stays as well. */
export function updateToVersion(
  tx: TenantTx,
  params: UpdateToVersionParams,
): Promise<UpdateToVersionRow | null> {
  return maybe<UpdateToVersionRow>(tx, updateToVersionStatement, [
    params.status,
    params.organizationId,
    params.contentId,
    params.number,
  ]);
}
