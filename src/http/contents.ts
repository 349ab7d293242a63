/** How a lesson travels. Here and not in src/contents, because it is written and shown by more than one feature. */
import { type Static, Type } from "@sinclair/typebox";
import {
  CONTENT_STATUSES,
  CONTENT_TYPES,
  type Content,
  type ContentSummary,
  DIFFICULTY_LEVELS,
  type JsonObject,
} from "../contents/contents.ts";
import { LANGUAGE_FORM, LANGUAGE_PATTERN } from "../languages.ts";
import { choice, filled, formed, nullable, SLUG_FORM, timestamp, uuid, version } from "./wire.ts";

/**
 * Bytes of a request that writes lessons: one of the greatest length, however it is escaped, or a thousand of the length
 * that most have.
 */
export const CONTENT_BODY_LIMIT = 8 * 1024 * 1024;

export const title = filled({ maxLength: 300, examples: ["While loops"] });
export const slug = formed(SLUG_FORM, {
  pattern: "^[a-z0-9]+(-[a-z0-9]+)*$",
  maxLength: 200,
  description: "Unique among the organization's live lessons. Made from the title when absent.",
  examples: ["while-loops"],
});
export const contentType = choice(CONTENT_TYPES, { examples: ["lesson"] });
export const difficultyLevel = choice(DIFFICULTY_LEVELS, { examples: ["beginner"] });
export const status = choice(CONTENT_STATUSES, { examples: ["published"] });
export const language = formed(LANGUAGE_FORM, {
  pattern: LANGUAGE_PATTERN,
  description: "A code like `es` or a name like `spanish`; by it the words are stemmed for the search.",
  examples: ["en"],
});
const words = (maxLength: number, examples: string[][]) =>
  Type.Array(Type.String({ minLength: 1, maxLength }), { maxItems: 100, examples });
const tags = words(100, [["python", "loops"]]);
export const sourceId = Type.String({
  minLength: 1,
  maxLength: 200,
  description: "The lesson's name where it comes from; unique in the organization.",
  examples: ["m00116"],
});
const document = (description: string) =>
  Type.Unsafe<JsonObject>(
    Type.Record(Type.String(), Type.Unknown(), {
      description,
      examples: [{ subject: "Python", chapter: 5 }],
    }),
  );
const minutes = Type.Integer({ minimum: 1, maximum: 100_000, examples: [25] });

/** What may be written of a lesson. */
export const contentFields = {
  title,
  slug,
  description: Type.String({ maxLength: 5000 }),
  body: Type.String({ description: "Markdown, stored as written; at most 4 MiB in UTF-8." }),
  contentType,
  difficultyLevel,
  language,
  tags,
  prerequisites: words(200, [["variables"]]),
  learningObjectives: words(500, [["Repeat a step until a condition holds"]]),
  metadata: document(
    "Whatever belongs to the lesson; comes back as the same JSON document, with its keys untouched.",
  ),
  settings: document("Whatever a client wants to keep with the lesson."),
  estimatedDurationMinutes: nullable(minutes),
  sourceId: nullable(sourceId),
};

export const newContentShape = Type.Composite([
  Type.Object({ title }),
  Type.Partial(Type.Omit(Type.Object(contentFields), ["title"])),
]);
export const contentPatchShape = Type.Partial(Type.Object(contentFields));

/** A lesson as lists show it. */
export const contentSummaryShape = Type.Object({
  id: uuid(),
  sourceId: nullable(Type.String()),
  title,
  slug,
  description: Type.String(),
  contentType,
  difficultyLevel,
  status,
  language: Type.String(),
  tags: Type.Array(Type.String()),
  estimatedDurationMinutes: nullable(Type.Integer()),
  publishedAt: nullable(timestamp({ description: "Since when readers have seen something of it." })),
  latestNumber: Type.Integer({
    description: "Of the versions of its text; to readers the live one.",
    examples: [3],
  }),
  liveNumber: nullable(Type.Integer({ examples: [2] }), {
    description: "The version that readers see; null: none.",
  }),
  publishAt: nullable(timestamp(), { description: "When it will be published. Told to staff." }),
  unpublishAt: nullable(timestamp(), { description: "When it will be unpublished. Told to staff." }),
  version: version(),
  createdAt: timestamp(),
  updatedAt: timestamp(),
  createdById: nullable(uuid()),
  deletedAt: nullable(timestamp()),
});

/** A lesson whole. */
export const contentShape = Type.Composite([
  contentSummaryShape,
  Type.Object({
    body: Type.String(),
    prerequisites: Type.Array(Type.String()),
    learningObjectives: Type.Array(Type.String()),
    metadata: contentFields.metadata,
    settings: contentFields.settings,
    reviewedAt: nullable(timestamp(), { description: "Told to staff, as are the next two." }),
    reviewedById: nullable(uuid()),
    updatedById: nullable(uuid()),
  }),
]);

export const contentSummaryView = (row: ContentSummary): Static<typeof contentSummaryShape> => ({
  id: row.id,
  sourceId: row.sourceId,
  title: row.title,
  slug: row.slug,
  description: row.description,
  contentType: row.contentType,
  difficultyLevel: row.difficultyLevel,
  status: row.status,
  language: row.language,
  tags: [...row.tags],
  estimatedDurationMinutes: row.estimatedDurationMinutes,
  publishedAt: row.publishedAt,
  latestNumber: row.latestNumber,
  liveNumber: row.liveNumber,
  publishAt: row.publishAt,
  unpublishAt: row.unpublishAt,
  version: row.version,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
  createdById: row.createdById,
  deletedAt: row.deletedAt,
});

/** Written out: a row that gains a column must not gain a field by itself. */
export const contentView = (row: Content): Static<typeof contentShape> => ({
  ...contentSummaryView(row),
  body: row.body,
  prerequisites: [...row.prerequisites],
  learningObjectives: [...row.learningObjectives],
  metadata: row.metadata,
  settings: row.settings,
  reviewedAt: row.reviewedAt,
  reviewedById: row.reviewedById,
  updatedById: row.updatedById,
});
