/** Lessons whole, out to an export and in from an import. */
import * as sql from "#sql/content-transfers";
import type { TenantTx } from "../../sql/tx.ts";
import type { ContentStatus } from "../workflow.ts";

/** All that a version of a lesson says. */
export interface LessonText {
  readonly slug: string;
  readonly title: string;
  readonly description: string;
  readonly body: string;
  readonly contentType: sql.ListExportedRow["contentType"];
  readonly difficultyLevel: sql.ListExportedRow["difficultyLevel"];
  readonly language: string;
  readonly tags: readonly string[];
  readonly prerequisites: readonly string[];
  readonly learningObjectives: readonly string[];
  readonly estimatedDurationMinutes: number | null;
  /** JSON objects, to the letter. */
  readonly metadata: string;
  readonly settings: string;
}

/** A lesson as it goes from one organization to another. */
export interface Lesson {
  /** Null: it is known by its slug. */
  readonly sourceId: string | null;
  readonly status: ContentStatus;
  /** RFC 3339, in microseconds. */
  readonly publishAt: string | null;
  readonly unpublishAt: string | null;
  readonly text: LessonText;
  /** What readers see where that is another text; null: they see `text` when it is published, else nothing. */
  readonly live: LessonText | null;
}

export const listIds = (tx: TenantTx, organizationId: string) => sql.listIds(tx, { organizationId });

export async function list(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
): Promise<ReadonlyMap<string, Lesson>> {
  const rows = await sql.listExported(tx, { organizationId, contentIds });
  return new Map(rows.map((row) => [row.contentId, toLesson(row)]));
}

const toLesson = (row: sql.ListExportedRow): Lesson => ({
  sourceId: row.sourceId,
  status: row.status,
  publishAt: row.publishAt,
  unpublishAt: row.unpublishAt,
  text: {
    slug: row.slug,
    title: row.title,
    description: row.description,
    body: row.body,
    contentType: row.contentType,
    difficultyLevel: row.difficultyLevel,
    language: row.language,
    tags: row.tags,
    prerequisites: row.prerequisites,
    learningObjectives: row.learningObjectives,
    estimatedDurationMinutes: row.estimatedDurationMinutes,
    metadata: row.metadata,
    settings: row.settings,
  },
  live: row.beside
    ? {
        slug: row.liveSlug ?? "",
        title: row.liveTitle ?? "",
        description: row.liveDescription ?? "",
        body: row.liveBody ?? "",
        contentType: row.liveContentType ?? "lesson",
        difficultyLevel: row.liveDifficultyLevel ?? "beginner",
        language: row.liveLanguage ?? "",
        tags: row.liveTags ?? [],
        prerequisites: row.livePrerequisites ?? [],
        learningObjectives: row.liveLearningObjectives ?? [],
        estimatedDurationMinutes: row.liveEstimatedDurationMinutes,
        metadata: row.liveMetadata ?? "{}",
        settings: row.liveSettings ?? "{}",
      }
    : null,
});

/** The ids of those that are there, in the order of the lessons; null where one is not. */
export async function lockKnown(
  tx: TenantTx,
  organizationId: string,
  lessons: readonly Lesson[],
): Promise<readonly (string | null)[]> {
  const found = await sql.lockKnown(tx, {
    organizationId,
    sourceIds: lessons.flatMap(({ sourceId }) => (sourceId === null ? [] : [sourceId])),
    slugs: lessons.flatMap(({ sourceId, text: { slug } }) => (sourceId === null ? [slug] : [])),
  });
  const bySource = new Map(found.map(({ sourceId, contentId }) => [sourceId, contentId]));
  const bySlug = new Map(
    found.flatMap(({ sourceId, slug, contentId }) => (sourceId === null ? [[slug, contentId] as const] : [])),
  );
  return lessons.map(
    ({ sourceId, text }) => (sourceId === null ? bySlug.get(text.slug) : bySource.get(sourceId)) ?? null,
  );
}

/** A lesson with its id, and what it is to become. */
export interface Stage {
  readonly id: string;
  readonly lesson: Omit<Lesson, "live">;
  /** Readers see something of it. */
  readonly live: boolean;
  /** It is what readers see, and a draft beside it comes after. */
  readonly beside: boolean;
}

export const insert = (tx: TenantTx, organizationId: string, stages: readonly Stage[]): Promise<number> =>
  sql.insertContents(tx, { organizationId, records: stages.map(toRecord) });

/** Gives the ids of those that were not like this yet. */
export const update = async (
  tx: TenantTx,
  organizationId: string,
  stages: readonly Stage[],
): Promise<readonly string[]> =>
  (await sql.updateContents(tx, { organizationId, records: stages.map(toRecord) })).map(
    ({ contentId }) => contentId,
  );

const toRecord = ({
  id,
  lesson: { sourceId, status, publishAt, unpublishAt, text },
  live,
  beside,
}: Stage) => ({
  content_id: id,
  source_id: sourceId,
  status,
  publish_at: publishAt,
  unpublish_at: unpublishAt,
  slug: text.slug,
  title: text.title,
  description: text.description,
  body: text.body,
  content_type: text.contentType,
  difficulty_level: text.difficultyLevel,
  language: text.language,
  tags: text.tags,
  prerequisites: text.prerequisites,
  learning_objectives: text.learningObjectives,
  estimated_duration_minutes: text.estimatedDurationMinutes,
  metadata: text.metadata,
  settings: text.settings,
  live,
  beside,
});
