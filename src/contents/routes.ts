import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import type { Json } from "../../sql/tx.ts";
import { forbidden } from "../errors.ts";
import { endpoint } from "../http/endpoint.ts";
import {
  choice,
  described,
  filled,
  formed,
  nullable,
  pageOf,
  SLUG_FORM,
  timestamp,
  uuid,
  version,
} from "../http/wire.ts";
import { LANGUAGE_FORM, LANGUAGE_PATTERN } from "../languages.ts";
import {
  type Change,
  CONTENT_STATUSES,
  CONTENT_TYPES,
  type Content,
  type ContentSummary,
  contentHistory,
  contentNotDeleted,
  createContent,
  DIFFICULTY_LEVELS,
  deleteContent,
  getContent,
  illegalTransition,
  type JsonObject,
  listContents,
  publishContent,
  quotaStorageReached,
  restoreContent,
  slugTaken,
  sourceIdTaken,
  unpublishContent,
  updateContent,
} from "./contents.ts";

const title = filled({ maxLength: 300, examples: ["While loops"] });
const slug = formed(SLUG_FORM, {
  pattern: "^[a-z0-9]+(-[a-z0-9]+)*$",
  maxLength: 200,
  description: "Unique among the organization's live lessons. Made from the title when absent.",
  examples: ["while-loops"],
});
const contentType = choice(CONTENT_TYPES, { examples: ["lesson"] });
const difficultyLevel = choice(DIFFICULTY_LEVELS, { examples: ["beginner"] });
const status = choice(CONTENT_STATUSES, { examples: ["published"] });
const language = formed(LANGUAGE_FORM, {
  pattern: LANGUAGE_PATTERN,
  description: "A code like `es` or a name like `spanish`; by it the words are stemmed for the search.",
  examples: ["en"],
});
const words = (maxLength: number, examples: string[][]) =>
  Type.Array(Type.String({ minLength: 1, maxLength }), { maxItems: 100, examples });
const tags = words(100, [["python", "loops"]]);
const sourceId = Type.String({
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

const fields = {
  title,
  slug,
  description: Type.String({ maxLength: 5000 }),
  body: Type.String({ description: "Markdown, stored as written." }),
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

const summary = Type.Object({
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
  publishedAt: nullable(timestamp()),
  version: version(),
  createdAt: timestamp(),
  updatedAt: timestamp(),
  createdById: nullable(uuid()),
  deletedAt: nullable(timestamp()),
});

const content = Type.Composite([
  summary,
  Type.Object({
    body: Type.String(),
    prerequisites: Type.Array(Type.String()),
    learningObjectives: Type.Array(Type.String()),
    metadata: fields.metadata,
    settings: fields.settings,
    reviewedAt: nullable(timestamp()),
    reviewedById: nullable(uuid()),
    updatedById: nullable(uuid()),
  }),
]);

const summaryView = (row: ContentSummary): Static<typeof summary> => ({
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
  version: row.version,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
  createdById: row.createdById,
  deletedAt: row.deletedAt,
});

const view = (row: Content): Static<typeof content> => ({
  ...summaryView(row),
  body: row.body,
  prerequisites: [...row.prerequisites],
  learningObjectives: [...row.learningObjectives],
  metadata: row.metadata,
  settings: row.settings,
  reviewedAt: row.reviewedAt,
  reviewedById: row.reviewedById,
  updatedById: row.updatedById,
});

const change = Type.Object({
  id: uuid(),
  action: Type.Union([Type.Literal("insert"), Type.Literal("update"), Type.Literal("delete")]),
  version: nullable(Type.Integer({ description: "The version it made." })),
  actorId: nullable(uuid({ description: "Null when nobody in particular did it." })),
  before: Type.Unsafe<Json>(Type.Unknown({ description: "The columns that changed, as they were." })),
  after: Type.Unsafe<Json>(Type.Unknown({ description: "The same columns as they became." })),
  createdAt: timestamp(),
});

const changeView = (row: Change): Static<typeof change> => ({
  id: row.id,
  action: row.action,
  version: row.version,
  actorId: row.actorId,
  before: row.before,
  after: row.after,
  createdAt: row.createdAt,
});

const params = t.Object({ id: uuid() });
export const contentsEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/contents",
    tag: "contents",
    summary: "List lessons",
    description: "Without their bodies, newest first. Staff see all, others what is published.",
    query: t.Object({
      status: t.Optional(described(status, "Only lessons that have come this far.")),
      contentType: t.Optional(described(contentType, "Only lessons of this kind.")),
      difficultyLevel: t.Optional(described(difficultyLevel, "Only lessons of this level.")),
      language: t.Optional(described(language, "Only lessons in this language.")),
      tag: t.Optional(
        Type.String({
          minLength: 1,
          maxLength: 100,
          description: "Only lessons that carry this tag, among others.",
          examples: ["python"],
        }),
      ),
      slug: t.Optional(described(slug, "Only the lesson with this slug.")),
      sourceId: t.Optional(described(sourceId, "Only the lesson with this name where it comes from.")),
      includeDeleted: t.Optional(t.Boolean({ description: "Admins only." })),
    }),
    page: uuid(),
    answers: { 200: pageOf(summary) },
    refusals: [forbidden],
    handle: ({ deps, actor, query, page }) =>
      listContents(
        deps,
        actor,
        {
          status: query.status ?? null,
          contentType: query.contentType ?? null,
          difficultyLevel: query.difficultyLevel ?? null,
          language: query.language ?? null,
          tag: query.tag ?? null,
          slug: query.slug ?? null,
          sourceId: query.sourceId ?? null,
          includeDeleted: query.includeDeleted ?? false,
        },
        page.after,
        page.limit,
      ),
    present: (found, { page }) => page.of(found, summaryView, ({ id }) => id),
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents",
    tag: "contents",
    summary: "Write a lesson",
    description: "It is a draft until it is published.",
    versioned: true,
    body: Type.Composite([Type.Object({ title }), Type.Partial(Type.Omit(Type.Object(fields), ["title"]))]),
    answers: { 201: content },
    refusals: [slugTaken, sourceIdTaken, quotaStorageReached],
    handle: ({ deps, actor, body }) => createContent(deps, actor, body),
    present: view,
  }),
  endpoint({
    method: "GET",
    path: "/v1/contents/:id",
    tag: "contents",
    summary: "Read a lesson",
    params,
    versioned: true,
    answers: { 200: content },
    handle: ({ deps, actor, params }) => getContent(deps, actor, params.id),
    present: view,
  }),
  endpoint({
    method: "PATCH",
    path: "/v1/contents/:id",
    tag: "contents",
    summary: "Change a lesson",
    description: "Teachers change their own lessons, admins all.",
    params,
    versioned: true,
    body: Type.Partial(Type.Object(fields)),
    answers: { 200: content },
    refusals: [slugTaken, sourceIdTaken, quotaStorageReached],
    handle: ({ deps, actor, params, ifMatch, body }) => updateContent(deps, actor, params.id, ifMatch, body),
    present: view,
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/contents/:id",
    tag: "contents",
    summary: "Delete a lesson",
    description: "Softly: it is out of sight and out of the search, and can be restored.",
    params,
    versioned: true,
    answers: { 204: null },
    handle: ({ deps, actor, params, ifMatch }) => deleteContent(deps, actor, params.id, ifMatch),
    present: () => undefined,
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents/:id/publish",
    tag: "contents",
    summary: "Publish a lesson",
    params,
    versioned: true,
    answers: { 200: content },
    refusals: [illegalTransition],
    handle: ({ deps, actor, params, ifMatch }) => publishContent(deps, actor, params.id, ifMatch),
    present: view,
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents/:id/unpublish",
    tag: "contents",
    summary: "Take a lesson back to a draft",
    params,
    versioned: true,
    answers: { 200: content },
    refusals: [illegalTransition],
    handle: ({ deps, actor, params, ifMatch }) => unpublishContent(deps, actor, params.id, ifMatch),
    present: view,
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents/:id/restore",
    tag: "contents",
    summary: "Restore a deleted lesson",
    params,
    versioned: true,
    answers: { 200: content },
    refusals: [contentNotDeleted, slugTaken, sourceIdTaken, quotaStorageReached],
    handle: ({ deps, actor, params, ifMatch }) => restoreContent(deps, actor, params.id, ifMatch),
    present: view,
  }),
  endpoint({
    method: "GET",
    path: "/v1/contents/:id/history",
    tag: "contents",
    summary: "Read what was changed of a lesson",
    description: "Newest first: who, when, before and after. Also of a deleted lesson.",
    params,
    page: uuid(),
    answers: { 200: pageOf(change) },
    handle: ({ deps, actor, params, page }) => contentHistory(deps, actor, params.id, page.after, page.limit),
    present: (found, { page }) => page.of(found, changeView, ({ id }) => id),
  }),
];
