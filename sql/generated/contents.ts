// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, count, many, maybe, one } from "../tx.ts";

export interface DeleteContentParams {
  readonly contentId: string;
  readonly limit: number;
}

export interface DeleteContentRow {
  readonly removed: number;
}

const deleteContentStatement: Statement = {
  name: "contents/delete_content",
  text: `select /* contents/delete_content */ p.removed from app.purge_content($1, $2::int) p (removed) where p.removed > 0`,
};

/** Removes some rows of a deleted lesson and of all that hangs on it for good: none once the lesson itself is gone. */
export function deleteContent(tx: TenantTx, params: DeleteContentParams): Promise<DeleteContentRow | null> {
  return maybe<DeleteContentRow>(tx, deleteContentStatement, [params.contentId, params.limit]);
}

export interface FindContentParams {
  readonly organizationId: string;
  readonly contentId: string;
  readonly includeDeleted: boolean;
}

export interface FindContentRow {
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

const findContentStatement: Statement = {
  name: "contents/find_content",
  text: `select /* contents/find_content */ content_id, source_id, title, slug, description, body, content_type, difficulty_level, status, language, tags,
  prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes, published_at, reviewed_at,
  reviewed_by_id, latest_number, live_number, publish_at, unpublish_at, version, created_at, updated_at, created_by_id,
  updated_by_id, deleted_at
from app.content
where organization_id = $1
  and content_id = $2
  and ($3::boolean or deleted_at is null)`,
};

/** One lesson, whole, as its authors have it. */
export function findContent(tx: TenantTx, params: FindContentParams): Promise<FindContentRow | null> {
  return maybe<FindContentRow>(tx, findContentStatement, [
    params.organizationId,
    params.contentId,
    params.includeDeleted,
  ]);
}

export interface FindIdBySlugParams {
  readonly organizationId: string;
  readonly slug: string;
}

export interface FindIdBySlugRow {
  readonly contentId: string;
}

const findIdBySlugStatement: Statement = {
  name: "contents/find_id_by_slug",
  text: `select /* contents/find_id_by_slug */ content_id from app.content
where organization_id = $1 and slug = $2 and deleted_at is null`,
};

/** Which lesson has this slug, as its authors have it. */
export function findIdBySlug(tx: TenantTx, params: FindIdBySlugParams): Promise<FindIdBySlugRow | null> {
  return maybe<FindIdBySlugRow>(tx, findIdBySlugStatement, [params.organizationId, params.slug]);
}

export interface FindIdBySourceIdParams {
  readonly organizationId: string;
  readonly sourceId: string;
}

export interface FindIdBySourceIdRow {
  readonly contentId: string;
}

const findIdBySourceIdStatement: Statement = {
  name: "contents/find_id_by_source_id",
  text: `select /* contents/find_id_by_source_id */ content_id from app.content
where organization_id = $1 and source_id = $2 and deleted_at is null`,
};

/** Which lesson has this name where it comes from. */
export function findIdBySourceId(
  tx: TenantTx,
  params: FindIdBySourceIdParams,
): Promise<FindIdBySourceIdRow | null> {
  return maybe<FindIdBySourceIdRow>(tx, findIdBySourceIdStatement, [params.organizationId, params.sourceId]);
}

export interface FindLiveIdBySlugParams {
  readonly organizationId: string;
  readonly slug: string;
}

export interface FindLiveIdBySlugRow {
  readonly contentId: string;
}

const findLiveIdBySlugStatement: Statement = {
  name: "contents/find_live_id_by_slug",
  text: `select /* contents/find_live_id_by_slug */ content_id from app.publication
where organization_id = $1 and slug = $2 and deleted_at is null`,
};

/** Which lesson readers see under this slug. */
export function findLiveIdBySlug(
  tx: TenantTx,
  params: FindLiveIdBySlugParams,
): Promise<FindLiveIdBySlugRow | null> {
  return maybe<FindLiveIdBySlugRow>(tx, findLiveIdBySlugStatement, [params.organizationId, params.slug]);
}

export interface FindLiveIdBySourceIdParams {
  readonly organizationId: string;
  readonly sourceId: string;
}

export interface FindLiveIdBySourceIdRow {
  readonly contentId: string;
}

const findLiveIdBySourceIdStatement: Statement = {
  name: "contents/find_live_id_by_source_id",
  text: `select /* contents/find_live_id_by_source_id */ content_id from app.publication
where organization_id = $1 and source_id = $2 and deleted_at is null`,
};

/** Which lesson, of those that readers see, has this name where it comes from. */
export function findLiveIdBySourceId(
  tx: TenantTx,
  params: FindLiveIdBySourceIdParams,
): Promise<FindLiveIdBySourceIdRow | null> {
  return maybe<FindLiveIdBySourceIdRow>(tx, findLiveIdBySourceIdStatement, [
    params.organizationId,
    params.sourceId,
  ]);
}

export interface FindPublicationParams {
  readonly organizationId: string;
  readonly contentId: string;
}

export interface FindPublicationRow {
  readonly contentId: string;
  readonly sourceId: string | null;
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
  readonly publishedAt: Date;
  readonly number: number;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdById: string | null;
}

const findPublicationStatement: Statement = {
  name: "contents/find_publication",
  text: `select /* contents/find_publication */ content_id, source_id, title, slug, description, body, content_type, difficulty_level, language, tags, prerequisites,
  learning_objectives, metadata, settings, estimated_duration_minutes, published_at, number, version, created_at, updated_at,
  created_by_id
from app.publication
where organization_id = $1 and content_id = $2 and deleted_at is null`,
};

/** One lesson, whole, as readers see it. */
export function findPublication(
  tx: TenantTx,
  params: FindPublicationParams,
): Promise<FindPublicationRow | null> {
  return maybe<FindPublicationRow>(tx, findPublicationStatement, [params.organizationId, params.contentId]);
}

export interface FindVisibleParams {
  readonly organizationId: string;
  readonly contentId: string;
  readonly publishedOnly: boolean;
}

export interface FindVisibleRow {
  readonly contentId: string;
  readonly createdById: string | null;
  readonly status: "draft" | "pending_review" | "approved" | "rejected" | "published" | "archived";
  readonly liveNumber: number | null;
  readonly publishAt: Date | null;
  readonly unpublishAt: Date | null;
  readonly published: boolean;
}

const findVisibleStatement: Statement = {
  name: "contents/find_visible",
  text: `select /* contents/find_visible */ content_id, created_by_id, status, live_number, publish_at, unpublish_at,
  live_number is not null as published
from app.content
where organization_id = $1 and content_id = $2 and deleted_at is null
  and (not $3::boolean or live_number is not null)`,
};

/** Finds a live lesson that somebody may see: who wrote it, and whether readers see it. */
export function findVisible(tx: TenantTx, params: FindVisibleParams): Promise<FindVisibleRow | null> {
  return maybe<FindVisibleRow>(tx, findVisibleStatement, [
    params.organizationId,
    params.contentId,
    params.publishedOnly,
  ]);
}

export interface InsertContentParams {
  readonly organizationId: string;
  readonly contentId: string;
  readonly sourceId: string | null;
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
  readonly metadata: Exclude<Json, null>;
  readonly settings: Exclude<Json, null>;
  readonly estimatedDurationMinutes: number | null;
}

export interface InsertContentRow {
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

const insertContentStatement: Statement = {
  name: "contents/insert_content",
  text: `insert /* contents/insert_content */ into app.content
  (organization_id, content_id, source_id, title, slug, description, body, content_type, difficulty_level, language,
   tags, prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes)
values
  ($1, $2, $3, $4, $5, $6, $7, $8, $9,
   $10, $11::text[], $12::text[], $13::text[], $14::json, $15::json,
   $16)
returning content_id, source_id, title, slug, description, body, content_type, difficulty_level, status, language, tags,
  prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes, published_at, reviewed_at,
  reviewed_by_id, latest_number, live_number, publish_at, unpublish_at, version, created_at, updated_at, created_by_id,
  updated_by_id, deleted_at`,
};

/** Adds a lesson as a draft. */
export function insertContent(tx: TenantTx, params: InsertContentParams): Promise<InsertContentRow> {
  return one<InsertContentRow>(tx, insertContentStatement, [
    params.organizationId,
    params.contentId,
    params.sourceId,
    params.title,
    params.slug,
    params.description,
    params.body,
    params.contentType,
    params.difficultyLevel,
    params.language,
    params.tags,
    params.prerequisites,
    params.learningObjectives,
    params.metadata,
    params.settings,
    params.estimatedDurationMinutes,
  ]);
}

export interface ListAskedOfOthersParams {
  readonly organizationId: string;
  readonly contentIds: readonly string[];
  readonly userId: string;
}

export interface ListAskedOfOthersRow {
  readonly contentId: string;
}

const listAskedOfOthersStatement: Statement = {
  name: "contents/list_asked_of_others",
  text: `select /* contents/list_asked_of_others */ content_id from app.review
where organization_id = $1 and content_id = any($2::uuid[]) and state = 'pending'
  and reviewer_id <> $3`,
};

/** Of these lessons those whose review somebody other than a person was asked for. */
export function listAskedOfOthers(
  tx: TenantTx,
  params: ListAskedOfOthersParams,
): Promise<readonly ListAskedOfOthersRow[]> {
  return many<ListAskedOfOthersRow>(tx, listAskedOfOthersStatement, [
    params.organizationId,
    params.contentIds,
    params.userId,
  ]);
}

export interface ListOthersWorkParams {
  readonly organizationId: string;
  readonly contentIds: readonly string[];
  readonly userId: string;
}

export interface ListOthersWorkRow {
  readonly contentId: string;
}

const listOthersWorkStatement: Statement = {
  name: "contents/list_others_work",
  text: `select /* contents/list_others_work */ c.content_id from app.content c
join app.content_version v
  on v.organization_id = c.organization_id and v.content_id = c.content_id and v.number = c.latest_number
where c.organization_id = $1 and c.content_id = any($2::uuid[])
  and v.created_by_id is distinct from $3::uuid`,
};

/** Of these lessons those whose latest version somebody other than a person has written. */
export function listOthersWork(
  tx: TenantTx,
  params: ListOthersWorkParams,
): Promise<readonly ListOthersWorkRow[]> {
  return many<ListOthersWorkRow>(tx, listOthersWorkStatement, [
    params.organizationId,
    params.contentIds,
    params.userId,
  ]);
}

export interface ListOwnWorkParams {
  readonly organizationId: string;
  readonly contentIds: readonly string[];
  readonly userId: string;
}

export interface ListOwnWorkRow {
  readonly contentId: string;
}

const listOwnWorkStatement: Statement = {
  name: "contents/list_own_work",
  text: `select /* contents/list_own_work */ c.content_id from app.content c
where c.organization_id = $1 and c.content_id = any($2::uuid[])
  and exists (
    select from app.content_version v
    where v.organization_id = c.organization_id and v.content_id = c.content_id
      and v.number > coalesce(c.live_number, 0) and v.created_by_id = $3
  )`,
};

/** Of these lessons those of which a person has written a version after the one that readers see. */
export function listOwnWork(tx: TenantTx, params: ListOwnWorkParams): Promise<readonly ListOwnWorkRow[]> {
  return many<ListOwnWorkRow>(tx, listOwnWorkStatement, [
    params.organizationId,
    params.contentIds,
    params.userId,
  ]);
}

export interface LockContentParams {
  readonly organizationId: string;
  readonly contentId: string;
}

export interface LockContentRow {
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

const lockContentStatement: Statement = {
  name: "contents/lock_content",
  text: `select /* contents/lock_content */ content_id, source_id, title, slug, description, body, content_type, difficulty_level, status, language, tags,
  prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes, published_at, reviewed_at,
  reviewed_by_id, latest_number, live_number, publish_at, unpublish_at, version, created_at, updated_at, created_by_id,
  updated_by_id, deleted_at
from app.content
where organization_id = $1 and content_id = $2
for update`,
};

/** One lesson, whole, held until the transaction ends. */
export function lockContent(tx: TenantTx, params: LockContentParams): Promise<LockContentRow | null> {
  return maybe<LockContentRow>(tx, lockContentStatement, [params.organizationId, params.contentId]);
}

export interface LockVisibleParams {
  readonly organizationId: string;
  readonly contentId: string;
  readonly publishedOnly: boolean;
}

export interface LockVisibleRow {
  readonly contentId: string;
  readonly createdById: string | null;
  readonly status: "draft" | "pending_review" | "approved" | "rejected" | "published" | "archived";
  readonly liveNumber: number | null;
  readonly publishAt: Date | null;
  readonly unpublishAt: Date | null;
  readonly published: boolean;
}

const lockVisibleStatement: Statement = {
  name: "contents/lock_visible",
  text: `select /* contents/lock_visible */ content_id, created_by_id, status, live_number, publish_at, unpublish_at,
  live_number is not null as published
from app.content
where organization_id = $1 and content_id = $2 and deleted_at is null
  and (not $3::boolean or live_number is not null)
for share`,
};

/** Finds a live lesson that somebody may see, and keeps it from being changed or deleted until the transaction ends. */
export function lockVisible(tx: TenantTx, params: LockVisibleParams): Promise<LockVisibleRow | null> {
  return maybe<LockVisibleRow>(tx, lockVisibleStatement, [
    params.organizationId,
    params.contentId,
    params.publishedOnly,
  ]);
}

export interface UpdateContentParams {
  readonly status: string;
  readonly sourceId: string | null;
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
  readonly metadata: Exclude<Json, null>;
  readonly settings: Exclude<Json, null>;
  readonly estimatedDurationMinutes: number | null;
  readonly organizationId: string;
  readonly contentId: string;
}

export interface UpdateContentRow {
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

const updateContentStatement: Statement = {
  name: "contents/update_content",
  text: `update /* contents/update_content */ app.content
set status = $1, source_id = $2, title = $3, slug = $4, description = $5, body = $6,
  content_type = $7, difficulty_level = $8, language = $9, tags = $10::text[],
  prerequisites = $11::text[], learning_objectives = $12::text[],
  metadata = $13::json, settings = $14::json, estimated_duration_minutes = $15
where organization_id = $16 and content_id = $17 and deleted_at is null
returning content_id, source_id, title, slug, description, body, content_type, difficulty_level, status, language, tags,
  prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes, published_at, reviewed_at,
  reviewed_by_id, latest_number, live_number, publish_at, unpublish_at, version, created_at, updated_at, created_by_id,
  updated_by_id, deleted_at`,
};

/** Writes what may be changed of a lesson. */
export function updateContent(tx: TenantTx, params: UpdateContentParams): Promise<UpdateContentRow> {
  return one<UpdateContentRow>(tx, updateContentStatement, [
    params.status,
    params.sourceId,
    params.title,
    params.slug,
    params.description,
    params.body,
    params.contentType,
    params.difficultyLevel,
    params.language,
    params.tags,
    params.prerequisites,
    params.learningObjectives,
    params.metadata,
    params.settings,
    params.estimatedDurationMinutes,
    params.organizationId,
    params.contentId,
  ]);
}

export interface UpdateDeletedParams {
  readonly deletionId: string;
  readonly organizationId: string;
  readonly contentId: string;
}

const updateDeletedStatement: Statement = {
  name: "contents/update_deleted",
  text: `update /* contents/update_deleted */ app.content
set deleted_at = now(), deleted_by_id = app.actor(), deletion_id = $1
where organization_id = $2 and content_id = $3 and deleted_at is null`,
};

/** Deletes a live lesson softly. */
export function updateDeleted(tx: TenantTx, params: UpdateDeletedParams): Promise<number> {
  return count(tx, updateDeletedStatement, [params.deletionId, params.organizationId, params.contentId]);
}

export interface UpdatePublishedParams {
  readonly organizationId: string;
  readonly contentId: string;
}

export interface UpdatePublishedRow {
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

const updatePublishedStatement: Statement = {
  name: "contents/update_published",
  text: `update /* contents/update_published */ app.content
set status = 'published', published_at = coalesce(published_at, now()),
  reviewed_at = case when status = 'approved' then reviewed_at else now() end,
  reviewed_by_id = case when status = 'approved' then reviewed_by_id else app.actor() end
where organization_id = $1 and content_id = $2 and deleted_at is null
returning content_id, source_id, title, slug, description, body, content_type, difficulty_level, status, language, tags,
  prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes, published_at, reviewed_at,
  reviewed_by_id, latest_number, live_number, publish_at, unpublish_at, version, created_at, updated_at, created_by_id,
  updated_by_id, deleted_at`,
};

/** Shows a lesson's text to readers. Who publishes what nobody has approved is its reviewer. */
export function updatePublished(tx: TenantTx, params: UpdatePublishedParams): Promise<UpdatePublishedRow> {
  return one<UpdatePublishedRow>(tx, updatePublishedStatement, [params.organizationId, params.contentId]);
}

export interface UpdateRestoredParams {
  readonly organizationId: string;
  readonly contentId: string;
}

export interface UpdateRestoredRow {
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

const updateRestoredStatement: Statement = {
  name: "contents/update_restored",
  text: `update /* contents/update_restored */ app.content
set deleted_at = null, deleted_by_id = null, deletion_id = null
where organization_id = $1 and content_id = $2 and deleted_at is not null
returning content_id, source_id, title, slug, description, body, content_type, difficulty_level, status, language, tags,
  prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes, published_at, reviewed_at,
  reviewed_by_id, latest_number, live_number, publish_at, unpublish_at, version, created_at, updated_at, created_by_id,
  updated_by_id, deleted_at`,
};

/** Brings a deleted lesson back. */
export function updateRestored(tx: TenantTx, params: UpdateRestoredParams): Promise<UpdateRestoredRow> {
  return one<UpdateRestoredRow>(tx, updateRestoredStatement, [params.organizationId, params.contentId]);
}

export interface UpdateScheduledParams {
  readonly status: string;
  readonly publishAt: Date | null;
  readonly unpublishAt: Date | null;
  readonly decided: boolean;
  readonly organizationId: string;
  readonly contentId: string;
}

export interface UpdateScheduledRow {
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

const updateScheduledStatement: Statement = {
  name: "contents/update_scheduled",
  text: `update /* contents/update_scheduled */ app.content
set status = $1,
  publish_at = $2, unpublish_at = $3,
  reviewed_at = case when $4::boolean then now() else reviewed_at end,
  reviewed_by_id = case when $4::boolean then app.actor() else reviewed_by_id end
where organization_id = $5 and content_id = $6 and deleted_at is null
returning content_id, source_id, title, slug, description, body, content_type, difficulty_level, status, language, tags,
  prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes, published_at, reviewed_at,
  reviewed_by_id, latest_number, live_number, publish_at, unpublish_at, version, created_at, updated_at, created_by_id,
  updated_by_id, deleted_at`,
};

/** Names the times at which a lesson is published and unpublished. What nobody had approved its reviewer has by that. */
export function updateScheduled(tx: TenantTx, params: UpdateScheduledParams): Promise<UpdateScheduledRow> {
  return one<UpdateScheduledRow>(tx, updateScheduledStatement, [
    params.status,
    params.publishAt,
    params.unpublishAt,
    params.decided,
    params.organizationId,
    params.contentId,
  ]);
}

export interface UpdateStatusParams {
  readonly status: string;
  readonly withdrawn: boolean;
  readonly decided: boolean;
  readonly organizationId: string;
  readonly contentId: string;
}

export interface UpdateStatusRow {
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

const updateStatusStatement: Statement = {
  name: "contents/update_status",
  text: `update /* contents/update_status */ app.content
set status = $1,
  published_at = case when not $2::boolean then published_at end,
  reviewed_at = case when $3::boolean then now() else reviewed_at end,
  reviewed_by_id = case when $3::boolean then app.actor() else reviewed_by_id end
where organization_id = $4 and content_id = $5 and deleted_at is null
returning content_id, source_id, title, slug, description, body, content_type, difficulty_level, status, language, tags,
  prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes, published_at, reviewed_at,
  reviewed_by_id, latest_number, live_number, publish_at, unpublish_at, version, created_at, updated_at, created_by_id,
  updated_by_id, deleted_at`,
};

/** Takes a lesson to another status: away from its readers, or as its reviewer has decided. */
export function updateStatus(tx: TenantTx, params: UpdateStatusParams): Promise<UpdateStatusRow> {
  return one<UpdateStatusRow>(tx, updateStatusStatement, [
    params.status,
    params.withdrawn,
    params.decided,
    params.organizationId,
    params.contentId,
  ]);
}

export interface UpsertImportedParams {
  readonly organizationId: string;
  readonly publish: boolean;
  readonly records: Exclude<Json, null>;
}

export interface UpsertImportedRow {
  readonly contentId: string;
  readonly sourceId: string | null;
  readonly version: number;
}

const upsertImportedStatement: Statement = {
  name: "contents/upsert_imported",
  text: `insert /* contents/upsert_imported */ into app.content as c
  (organization_id, content_id, source_id, title, slug, description, body, language, tags, metadata, status,
   published_at, reviewed_at, reviewed_by_id)
select
  $1, r.content_id, r.source_id, r.title, r.slug, r.description, r.body, r.language,
  array(select json_array_elements_text(r.tags)), r.metadata,
  case when $2::boolean then 'published' else 'draft' end,
  case when $2::boolean then now() end,
  case when $2::boolean then now() end,
  case when $2::boolean then app.actor() end
from json_to_recordset($3::json) as r (
  content_id uuid, source_id text, title text, slug text, description text, body text, language text, tags json, metadata json
)
on conflict (organization_id, source_id) where deleted_at is null do update
set
  title = excluded.title, description = excluded.description, body = excluded.body, language = excluded.language,
  tags = excluded.tags, metadata = excluded.metadata,
  status = case when $2::boolean then 'published' else 'draft' end,
  published_at = case when $2::boolean then coalesce(c.published_at, now()) else c.published_at end,
  reviewed_at = case when $2::boolean and c.status <> 'published' then now() else c.reviewed_at end,
  reviewed_by_id = case when $2::boolean and c.status <> 'published' then app.actor() else c.reviewed_by_id end
where c.status <> 'archived'
  and (
    (c.title, c.description, c.body, c.language, c.tags, c.metadata::text)
      is distinct from (excluded.title, excluded.description, excluded.body, excluded.language, excluded.tags, excluded.metadata::text)
    or ($2::boolean and c.status <> 'published')
  )
returning c.content_id, c.source_id, c.version`,
};

/**
 * Stores a batch of imported lessons, known by their source ids: new ones are added, changed ones become a new
 * version, equal and archived ones are left alone and do not come back. What is not published at once becomes a draft,
 * beside what readers see. One statement for the whole batch.
 */
export function upsertImported(
  tx: TenantTx,
  params: UpsertImportedParams,
): Promise<readonly UpsertImportedRow[]> {
  return many<UpsertImportedRow>(tx, upsertImportedStatement, [
    params.organizationId,
    params.publish,
    params.records,
  ]);
}
