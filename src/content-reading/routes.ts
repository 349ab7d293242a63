import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { forbidden } from "../errors.ts";
import { contentAsOfShape, contentAsOfView } from "../http/content-versions.ts";
import {
  contentShape,
  contentSummaryShape,
  contentSummaryView,
  contentType,
  contentView,
  difficultyLevel,
  language,
  slug,
  sourceId,
  status,
} from "../http/contents.ts";
import { answer, endpoint } from "../http/endpoint.ts";
import { ratingSumsShape, ratingSumsView } from "../http/ratings.ts";
import { selectionOf } from "../http/selection.ts";
import { bothWays, choice, described, moment, nullable, uuid, version } from "../http/wire.ts";
import {
  type Attachment,
  type Author,
  type CONTENT_INCLUDES,
  CONTENT_ORDERS,
  CONTENT_VIEWS,
  type ContentFilter,
  type Included,
  listContents,
  readContent,
  readContentAsOf,
} from "./content-reading.ts";

const includable = Type.Object({
  author: nullable(Type.Object({ id: uuid(), fullName: Type.String(), avatarUrl: nullable(Type.String()) }), {
    description: "Who wrote it; null where nobody in particular did, or they are gone.",
  }),
  ratings: ratingSumsShape,
  commentCount: Type.Integer({ description: "How many comments everybody sees.", examples: [3] }),
  attachments: Type.Array(
    Type.Object({
      id: uuid(),
      name: Type.String({ examples: ["leaf.png"] }),
      description: Type.String({ examples: ["A leaf under the microscope"] }),
      mediaType: Type.String({ examples: ["image/png"] }),
      size: Type.Integer({ description: "In bytes.", examples: [48_213] }),
      sha256: Type.String({
        examples: ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
      }),
      position: Type.Integer({ minimum: 1, examples: [1] }),
      version: version(),
    }),
    { description: "Its attachments, in their order." },
  ),
} satisfies Record<(typeof CONTENT_INCLUDES)[number], unknown>);

const includedView = ({
  author,
  ratings,
  commentCount,
  attachments,
}: Included): Partial<Static<typeof includable>> => ({
  ...(author === undefined ? {} : { author: author === null ? null : authorView(author) }),
  ...(ratings === undefined ? {} : { ratings: ratingSumsView(ratings) }),
  ...(commentCount === undefined ? {} : { commentCount }),
  ...(attachments === undefined ? {} : { attachments: attachments.map(attachmentView) }),
});

const attachmentView = (row: Attachment) => ({
  id: row.id,
  name: row.name,
  description: row.description,
  mediaType: row.mediaType,
  size: row.size,
  sha256: row.sha256,
  position: row.position,
  version: row.version,
});

const authorView = ({ id, fullName, avatarUrl }: Author) => ({ id, fullName, avatarUrl });

const summary = selectionOf(contentSummaryShape, includable);
const whole = selectionOf(contentShape, includable);
const html = Type.Object({
  html: Type.Optional(
    Type.String({
      description:
        "The body as HTML: headings, lists, tables, code, links and images, and nothing that runs.",
      examples: ["<p>As long as the condition is true, the body runs again.</p>"],
    }),
  ),
});

const someOf = <S extends ReturnType<typeof described>>(schema: S, most: number, description: string) =>
  t.Optional(Type.Array(schema, { minItems: 1, maxItems: most, description }));
const tag = Type.String({ minLength: 1, maxLength: 100, examples: ["python"] });

const filters = {
  status: someOf(status, 6, "Only lessons that have come this far; any of these."),
  contentType: someOf(contentType, 6, "Only lessons of these kinds."),
  difficultyLevel: someOf(difficultyLevel, 4, "Only lessons of these levels."),
  language: someOf(language, 20, "Only lessons in one of these languages."),
  tag: t.Optional(
    described(tag, "Only lessons that carry this tag, among others; as it is written, commas and all."),
  ),
  allTags: someOf(tag, 20, "Only lessons that carry every one of these tags."),
  anyTags: someOf(tag, 20, "Only lessons that carry at least one of these tags."),
  createdById: someOf(uuid(), 50, "Only lessons that one of these people wrote."),
  hasAuthor: t.Optional(
    t.Boolean({ description: "Whether somebody in particular wrote it: `createdById` is null where not." }),
  ),
  sourceId: t.Optional(described(sourceId, "Only the lesson with this name where it comes from.")),
  hasSourceId: t.Optional(
    t.Boolean({ description: "Whether it has a name where it comes from: `sourceId` is null where not." }),
  ),
  slug: t.Optional(described(slug, "Only the lesson with this slug.")),
  createdFrom: t.Optional(moment({ description: "Only what was written at this moment or later." })),
  createdBefore: t.Optional(moment({ description: "Only what was written before this moment." })),
  updatedFrom: t.Optional(moment({ description: "Only what was last changed at this moment or later." })),
  updatedBefore: t.Optional(moment({ description: "Only what was last changed before this moment." })),
  publishedFrom: t.Optional(
    moment({ description: "Only what readers have seen since this moment or later." }),
  ),
  publishedBefore: t.Optional(
    moment({ description: "Only what readers have seen since before this moment." }),
  ),
};

const date = (text: string | undefined): Date | null => (text === undefined ? null : new Date(text));

const filterOf = (query: Static<ReturnType<typeof t.Object<typeof filters>>>): ContentFilter => ({
  statuses: query.status ?? null,
  contentTypes: query.contentType ?? null,
  difficultyLevels: query.difficultyLevel ?? null,
  languages: query.language ?? null,
  allTags:
    query.tag === undefined && query.allTags === undefined
      ? null
      : [...(query.tag === undefined ? [] : [query.tag]), ...(query.allTags ?? [])],
  anyTags: query.anyTags ?? null,
  authorIds: query.createdById ?? null,
  hasAuthor: query.hasAuthor ?? null,
  sourceId: query.sourceId ?? null,
  hasSourceId: query.hasSourceId ?? null,
  slug: query.slug ?? null,
  createdFrom: date(query.createdFrom),
  createdBefore: date(query.createdBefore),
  updatedFrom: date(query.updatedFrom),
  updatedBefore: date(query.updatedBefore),
  publishedFrom: date(query.publishedFrom),
  publishedBefore: date(query.publishedBefore),
});

export const contentReadingEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/contents",
    tag: "contents",
    summary: "List lessons",
    description:
      "Without their bodies. Staff see all, as they are being written; others see what is published, as it was published. Filters add up.",
    query: t.Object({
      ...filters,
      includeDeleted: t.Optional(t.Boolean({ description: "Admins only." })),
      order: t.Optional(
        choice(CONTENT_ORDERS, {
          description:
            "`-createdAt`, which is newest first, unless it is given. By title whatever the case and the accents; by publishedAt what was never published counts as oldest.",
          examples: ["title"],
        }),
      ),
      ...summary.query,
      total: t.Optional(t.Boolean({ description: "Whether to count what is on all pages." })),
    }),
    page: Type.Object({ key: Type.String(), id: uuid() }),
    answers: {
      200: Type.Composite([
        bothWays(summary.shape),
        Type.Object({
          total: Type.Optional(
            Type.Integer({ description: "On all pages; only where `total=true` asks.", examples: [312] }),
          ),
        }),
      ]),
    },
    refusals: [forbidden],
    handle: ({ deps, actor, query, page }) =>
      listContents(deps, actor, filterOf(query), {
        order: query.order ?? "-createdAt",
        from: page.from,
        limit: page.limit,
        includeDeleted: query.includeDeleted ?? false,
        include: query.include ?? [],
        total: query.total ?? false,
        description: query.fields?.includes("description") ?? true,
      }),
    present: ({ items, total }, { page, query }) => {
      const made = page.around(
        items,
        ({ content, included }) => summary.select(contentSummaryView(content), query, includedView(included)),
        ({ position }) => position,
      );
      return total === null ? made : { ...made, body: { ...made.body, total } };
    },
  }),
  endpoint({
    method: "GET",
    path: "/v1/contents/:id",
    tag: "contents",
    summary: "Read a lesson",
    description:
      "Staff get the text they write, or with `view=live` the one that readers see; others get the one that readers see. With `include=` there is no ETag: what comes along changes without the lesson. With `asOf=` the text of that moment, without an ETag.",
    params: t.Object({ id: uuid() }),
    query: t.Object({
      view: t.Optional(choice(CONTENT_VIEWS, { description: "Which text, for staff.", examples: ["live"] })),
      render: t.Optional(
        choice(["html"], { description: "Adds the body as HTML that is safe to show.", examples: ["html"] }),
      ),
      asOf: t.Optional(
        moment({
          description:
            "The text at this moment: for staff the latest then, for others the one that readers saw.",
        }),
      ),
      includeDeleted: t.Optional(
        t.Boolean({ description: "Also when it is deleted: for who may restore it. Not with asOf." }),
      ),
      ...whole.query,
    }),
    versioned: true,
    answers: { 200: Type.Union([Type.Composite([whole.shape, html]), contentAsOfShape]) },
    refusals: [forbidden],
    handle: async ({ deps, actor, params, query: { asOf, view, ...query } }) =>
      asOf === undefined
        ? readContent(deps, actor, params.id, {
            view,
            includeDeleted: query.includeDeleted ?? false,
            include: query.include ?? [],
            html: query.render === "html",
          })
        : readContentAsOf(deps, actor, params.id, new Date(asOf), view, Object.keys(query)),
    present: (found, { query }) =>
      "since" in found
        ? contentAsOfView(found)
        : answer(
            {
              ...whole.select(contentView(found.content), query, includedView(found.included)),
              ...(found.html === null ? {} : { html: found.html }),
            },
            { etag: query.include === undefined },
          ),
  }),
];
