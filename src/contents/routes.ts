import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import type { Json } from "../../sql/tx.ts";
import { forbidden } from "../errors.ts";
import {
  contentPatchShape,
  contentShape,
  contentSummaryShape,
  contentSummaryView,
  contentType,
  contentView,
  difficultyLevel,
  language,
  newContentShape,
  slug,
  sourceId,
  status,
} from "../http/contents.ts";
import { endpoint } from "../http/endpoint.ts";
import { choice, described, nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import {
  type Change,
  contentHistory,
  contentNotDeleted,
  createContent,
  deleteContent,
  getContent,
  illegalTransition,
  listContents,
  publishContent,
  quotaStorageReached,
  renderContent,
  restoreContent,
  slugTaken,
  sourceIdTaken,
  unpublishContent,
  updateContent,
} from "./contents.ts";

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

const readContentShape = Type.Composite([
  contentShape,
  Type.Object({
    html: Type.Optional(
      Type.String({
        description:
          "The body as HTML: headings, lists, tables, code, links and images, and nothing that runs.",
        examples: ["<p>As long as the condition is true, the body runs again.</p>"],
      }),
    ),
  }),
]);

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
    answers: { 200: pageOf(contentSummaryShape) },
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
    present: (found, { page }) => page.of(found, contentSummaryView, ({ id }) => id),
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents",
    tag: "contents",
    summary: "Write a lesson",
    description: "It is a draft until it is published.",
    versioned: true,
    body: newContentShape,
    answers: { 201: contentShape },
    refusals: [slugTaken, sourceIdTaken, quotaStorageReached],
    handle: ({ deps, actor, body }) => createContent(deps, actor, body),
    present: contentView,
  }),
  endpoint({
    method: "GET",
    path: "/v1/contents/:id",
    tag: "contents",
    summary: "Read a lesson",
    params,
    query: t.Object({
      render: t.Optional(
        choice(["html"], { description: "Adds the body as HTML that is safe to show.", examples: ["html"] }),
      ),
    }),
    versioned: true,
    answers: { 200: readContentShape },
    handle: async ({ deps, actor, params, query }) => {
      const content = await getContent(deps, actor, params.id);
      return query.render === undefined
        ? { content, html: {} }
        : { content, html: { html: await renderContent(deps, actor, content) } };
    },
    present: ({ content, html }) => ({ ...contentView(content), ...html }),
  }),
  endpoint({
    method: "PATCH",
    path: "/v1/contents/:id",
    tag: "contents",
    summary: "Change a lesson",
    description: "Teachers change their own lessons, admins all.",
    params,
    versioned: true,
    body: contentPatchShape,
    answers: { 200: contentShape },
    refusals: [slugTaken, sourceIdTaken, quotaStorageReached],
    handle: ({ deps, actor, params, ifMatch, body }) => updateContent(deps, actor, params.id, ifMatch, body),
    present: contentView,
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
    answers: { 200: contentShape },
    refusals: [illegalTransition],
    handle: ({ deps, actor, params, ifMatch }) => publishContent(deps, actor, params.id, ifMatch),
    present: contentView,
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents/:id/unpublish",
    tag: "contents",
    summary: "Take a lesson back to a draft",
    params,
    versioned: true,
    answers: { 200: contentShape },
    refusals: [illegalTransition],
    handle: ({ deps, actor, params, ifMatch }) => unpublishContent(deps, actor, params.id, ifMatch),
    present: contentView,
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents/:id/restore",
    tag: "contents",
    summary: "Restore a deleted lesson",
    params,
    versioned: true,
    answers: { 200: contentShape },
    refusals: [contentNotDeleted, slugTaken, sourceIdTaken, quotaStorageReached],
    handle: ({ deps, actor, params, ifMatch }) => restoreContent(deps, actor, params.id, ifMatch),
    present: contentView,
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
