import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { contentTextShape, contentTextView } from "../http/content-versions.ts";
import { contentShape, contentView } from "../http/contents.ts";
import { endpoint } from "../http/endpoint.ts";
import { choice, formed, nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import { transitionSentence } from "../workflow.ts";
import {
  type Against,
  type ContentChanges,
  type ContentVersion,
  type ContentVersionDiff,
  type ContentVersionSummary,
  diffContentVersion,
  getContentVersion,
  illegalTransition,
  listContentVersions,
  quotaStorageReached,
  restoreContentVersion,
  slugTaken,
} from "./content-versions.ts";

const number = Type.Integer({ minimum: 1, maximum: 2_147_483_647, examples: [2] });

const summary = Type.Object({
  number,
  parentNumber: nullable(Type.Integer(), { description: "The version it was made from; null of the first." }),
  title: Type.String(),
  createdAt: timestamp(),
  createdById: nullable(uuid(), { description: "Null when nobody in particular wrote it: an import." }),
  restoredFromNumber: nullable(Type.Integer(), {
    description: "The earlier version whose text it brought back.",
  }),
  isLatest: Type.Boolean({ description: "Staff are working on this one." }),
  isLive: Type.Boolean({ description: "Readers see this one." }),
});

const version = Type.Composite([Type.Omit(summary, ["title"]), contentTextShape]);

const summaryView = (row: ContentVersionSummary): Static<typeof summary> => ({
  number: row.number,
  parentNumber: row.parentNumber,
  title: row.title,
  createdAt: row.createdAt,
  createdById: row.createdById,
  restoredFromNumber: row.restoredFromNumber,
  isLatest: row.isLatest,
  isLive: row.isLive,
});

const view = (row: ContentVersion): Static<typeof version> => ({
  ...summaryView(row),
  ...contentTextView(row),
});

const value = <S extends TSchema>(schema: S) =>
  Type.Optional(
    Type.Object({
      before: nullable(schema, { description: "Null where there was none." }),
      after: nullable(schema),
    }),
  );
const list = Type.Optional(
  Type.Object({
    added: Type.Array(Type.String()),
    removed: Type.Array(Type.String()),
    reordered: Type.Boolean({ description: "Some that are in both stand in another order." }),
  }),
);
const document = Type.Optional(
  Type.Array(
    Type.Object({
      pointer: Type.String({
        description:
          "RFC 6901. Made one after the other, the changes make the one document out of the other.",
        examples: ["/chapter/2"],
      }),
      before: Type.Optional(Type.Unknown({ description: "Absent where there was nothing." })),
      after: Type.Optional(Type.Unknown({ description: "Absent where nothing is left." })),
    }),
  ),
);
const line = Type.Object({
  change: choice(["none", "removed", "added"]),
  text: Type.String({ description: "With its line break, where it has one." }),
  words: nullable(Type.Array(Type.Object({ text: Type.String(), changed: Type.Boolean() })), {
    description:
      "The line in pieces, where some of it has stayed; null where not, or where it took too long to tell.",
  }),
});
const body = Type.Optional(
  Type.Union([
    Type.Object({
      kind: Type.Literal("hunks"),
      hunks: Type.Array(
        Type.Object({
          beforeStart: Type.Integer({ description: "The first of its lines, counted from 1." }),
          beforeLines: Type.Integer(),
          afterStart: Type.Integer(),
          afterLines: Type.Integer(),
          lines: Type.Array(line),
        }),
      ),
    }),
    Type.Object({
      kind: Type.Literal("unified"),
      text: Type.String({ description: "As `diff -u` writes it and `patch` takes it." }),
    }),
    Type.Object(
      {
        kind: Type.Literal("replaced"),
        beforeBytes: Type.Integer(),
        afterBytes: Type.Integer(),
      },
      { description: "They have too little in common, or are too long, to be told line by line." },
    ),
  ]),
);

const changes = Type.Unsafe<ContentChanges>(
  Type.Object(
    {
      title: value(Type.String()),
      slug: value(Type.String()),
      description: value(Type.String()),
      contentType: value(Type.String()),
      difficultyLevel: value(Type.String()),
      language: value(Type.String()),
      estimatedDurationMinutes: value(Type.Integer()),
      tags: list,
      prerequisites: list,
      learningObjectives: list,
      body,
      metadata: document,
      settings: document,
    },
    { description: "Fields that are equal are not in it." },
  ),
);

const difference = Type.Object({
  contentId: uuid(),
  number,
  againstNumber: nullable(Type.Integer(), {
    description: "What it was compared with; null: a lesson of which nothing was written yet.",
  }),
  changes,
});

const differenceView = (row: ContentVersionDiff): Static<typeof difference> => ({
  contentId: row.contentId,
  number: row.number,
  againstNumber: row.againstNumber,
  changes: row.changes,
});

const against = formed("must be the number of a version, or `parent`, `latest` or `live`", {
  pattern: "^(parent|latest|live|[1-9][0-9]{0,8})$",
  default: "parent",
  description:
    "What it is compared with: a number, the version it was made from, the latest, or what readers see.",
  examples: ["live"],
});
const againstOf = (text: string): Against =>
  text === "parent" || text === "latest" || text === "live" ? text : Number(text);

const params = t.Object({
  id: uuid(),
  number: formed("must be the number of a version", {
    pattern: "^[1-9][0-9]{0,8}$",
    description: "The number of the version.",
    examples: ["2"],
  }),
});
export const contentVersionsEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/contents/:id/versions",
    tag: "contents",
    summary: "List the versions of a lesson",
    description: "Every text it has had, newest first. Publishing and the like make none.",
    params: t.Object({ id: uuid() }),
    page: number,
    answers: { 200: pageOf(summary) },
    handle: ({ deps, actor, params, page }) =>
      listContentVersions(deps, actor, params.id, page.after, page.limit),
    present: (found, { page }) => page.of(found, summaryView, ({ number: last }) => last),
  }),
  endpoint({
    method: "GET",
    path: "/v1/contents/:id/versions/:number",
    tag: "contents",
    summary: "Read a version of a lesson",
    params,
    answers: { 200: version },
    handle: ({ deps, actor, params }) => getContentVersion(deps, actor, params.id, Number(params.number)),
    present: view,
  }),
  endpoint({
    method: "GET",
    path: "/v1/contents/:id/versions/:number/diff",
    tag: "contents",
    summary: "Compare two versions of a lesson",
    description:
      "What leads from the other version to this one. A body that is too long, or has too little in common with the " +
      "other, is told as replaced.",
    params,
    query: t.Object({
      against: t.Optional(against),
      format: t.Optional(
        choice(["hunks", "unified"], {
          description: "Of the body: lines with the words that changed, or one text for programs.",
          examples: ["hunks"],
        }),
      ),
    }),
    answers: { 200: difference },
    handle: ({ deps, actor, params, query }) =>
      diffContentVersion(
        deps,
        actor,
        params.id,
        Number(params.number),
        againstOf(query.against ?? "parent"),
        query.format ?? "hunks",
      ),
    present: differenceView,
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents/:id/versions/:number/restore",
    tag: "contents",
    summary: "Bring a version of a lesson back",
    description: `Its text becomes a new version; readers see it once it is published. As an edit: ${transitionSentence("edit")}`,
    params,
    versioned: "if-match",
    answers: { 200: contentShape },
    refusals: [illegalTransition, slugTaken, quotaStorageReached],
    handle: ({ deps, actor, params, ifMatch }) =>
      restoreContentVersion(deps, actor, params.id, Number(params.number), ifMatch),
    present: contentView,
  }),
];
