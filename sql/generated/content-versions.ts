// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, many, maybe } from "../tx.ts";

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
  readonly contentType: string;
  readonly difficultyLevel: string;
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
