/** How a lesson is written in a file of lines and in a Markdown file, and read from there. */
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { type ValueError, ValueErrorType } from "@sinclair/typebox/errors";
import {
  CONTENT_TYPES,
  DIFFICULTY_LEVELS,
  type FileFacts,
  factsOf,
  type Lesson,
  type LessonText,
} from "../content-transfers/content-transfers.ts";
import type { ImportedContent } from "../contents/contents.ts";
import { BODY_BYTES, importSlug } from "../contents/contents.ts";
import { Refusal } from "../errors.ts";
import { readFrontMatter, withFrontMatter } from "../front-matter.ts";
import { parseJson } from "../json.ts";
import { LANGUAGE_PATTERN, languageCode } from "../languages.ts";
import { slugify } from "../slugs.ts";
import { CONTENT_STATUSES } from "../workflow.ts";

/** Names in one record: a lesson's two documents, twice, each as large as the API takes it. */
const NAMES = 5000;
/** Levels of one record: what readers see is one level deeper than the API takes it. */
const DEPTH = 34;
/** Says of a line that it is an export's, and by which of its forms. */
const FORM = 1;
const BEGINNING = `{"satchel":${FORM},`;
const WHOLE = [NAMES, DEPTH] as const;

/** What a record of an import is to become. */
export type ReadRecord =
  /** A line of no particular origin: what is not known of a lesson is its metadata. */
  | { readonly kind: "foreign"; readonly record: ImportedContent }
  /** `files` null: those that hang there are left alone. */
  | { readonly kind: "lesson"; readonly lesson: Lesson; readonly files: readonly FileFacts[] | null }
  | { readonly problem: string };

// ---------------------------------------------------------------------- writing

type Pairs = readonly (readonly [name: string, json: string])[];

/** A document as it is stored. Between its values there may be white space, and no line of a file may end there. */
const oneLine = (document: string): string => document.replace(/[\r\n]/g, " ");

const textPairs = (text: LessonText): Pairs => [
  ["slug", JSON.stringify(text.slug)],
  ["title", JSON.stringify(text.title)],
  ["summary", JSON.stringify(text.description)],
  ["content_type", JSON.stringify(text.contentType)],
  ["difficulty_level", JSON.stringify(text.difficultyLevel)],
  ["language", JSON.stringify(text.language)],
  ["tags", JSON.stringify(text.tags)],
  ["prerequisites", JSON.stringify(text.prerequisites)],
  ["learning_objectives", JSON.stringify(text.learningObjectives)],
  ["estimated_duration_minutes", JSON.stringify(text.estimatedDurationMinutes)],
  ["metadata", oneLine(text.metadata)],
  ["settings", oneLine(text.settings)],
];

const factPairs = (lesson: Lesson): Pairs => [
  ["source_id", JSON.stringify(lesson.sourceId)],
  ["status", JSON.stringify(lesson.status)],
  ["publish_at", JSON.stringify(lesson.publishAt)],
  ["unpublish_at", JSON.stringify(lesson.unpublishAt)],
];

const filesPair = (files: readonly FileFacts[] | null): Pairs =>
  files === null
    ? []
    : [
        [
          "attachments",
          JSON.stringify(
            files.map(factsOf).map(({ mediaType, ...facts }) => ({ ...facts, media_type: mediaType })),
          ),
        ],
      ];

const objectOf = (pairs: Pairs): string => `{${pairs.map(([name, json]) => `"${name}":${json}`).join(",")}}`;
const withBody = (text: LessonText): Pairs => [...textPairs(text), ["body", JSON.stringify(text.body)]];

/** A lesson as a line of JSON, always the same for the same lesson. `files` null: without them. */
export function lineOf(lesson: Lesson, files: readonly FileFacts[] | null): string {
  return `${objectOf([
    ["satchel", String(FORM)],
    ...factPairs(lesson),
    ...withBody(lesson.text),
    ...(lesson.live === null ? [] : ([["published", objectOf(withBody(lesson.live))]] as const)),
    ...filesPair(files),
  ])}\n`;
}

/** A lesson as a Markdown file, and as a second one where readers see another text than the last. */
export function markdownOf(
  lesson: Lesson,
  files: readonly FileFacts[] | null,
): readonly { readonly name: string; readonly text: string }[] {
  const given = (pairs: Pairs) => pairs.filter(([, json]) => json !== "null");
  const { text, live } = lesson;
  const file = withFrontMatter(
    given([...factPairs(lesson), ...textPairs(text), ...filesPair(files)]),
    text.body,
  );
  const name = `${text.slug}.md`;
  if (live === null) return [{ name, text: file }];
  return [
    { name, text: file },
    { name: `${text.slug}${PUBLISHED}`, text: withFrontMatter(given(textPairs(live)), live.body) },
  ];
}

/** How the file of what readers see ends, beside the one of the draft. */
export const PUBLISHED = ".published.md";

// ---------------------------------------------------------------------- reading

const optional = <S extends Parameters<typeof Type.Optional>[0]>(schema: S) =>
  Type.Optional(Type.Union([schema, Type.Null()]));
const oneOf = (words: readonly string[]) => Type.Union(words.map((word) => Type.Literal(word)));
const words = (maxLength: number) =>
  optional(Type.Array(Type.String({ minLength: 1, maxLength }), { maxItems: 100 }));
const document = optional(Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.String()]));
const moment = optional(
  Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,6})?Z$" }),
);

const title = Type.String({ minLength: 1, maxLength: 300, pattern: "\\S" });
const sourceId = Type.String({ minLength: 1, maxLength: 200 });
const language = Type.String({ pattern: LANGUAGE_PATTERN });

const textFields = {
  slug: optional(Type.String({ pattern: "^[a-z0-9]+(-[a-z0-9]+)*$", maxLength: 200 })),
  title,
  summary: optional(Type.String({ maxLength: 5000 })),
  body: optional(Type.String()),
  content_type: optional(oneOf(CONTENT_TYPES)),
  difficulty_level: optional(oneOf(DIFFICULTY_LEVELS)),
  language: optional(language),
  tags: words(100),
  prerequisites: words(200),
  learning_objectives: words(500),
  estimated_duration_minutes: optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
  metadata: document,
  settings: document,
};
const closed = { additionalProperties: false };
const textShape = Type.Object(textFields, closed);
const lessonShape = Type.Object(
  {
    satchel: Type.Literal(FORM),
    source_id: optional(sourceId),
    status: optional(oneOf(CONTENT_STATUSES)),
    publish_at: moment,
    unpublish_at: moment,
    ...textFields,
    published: optional(textShape),
    attachments: optional(
      Type.Array(
        Type.Object(
          {
            name: Type.String({ pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f/\\\\]{1,255}$" }),
            description: Type.String({ maxLength: 1000 }),
            size: Type.Integer({ minimum: 0 }),
            sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }),
            media_type: Type.String({ maxLength: 255 }),
          },
          closed,
        ),
        { maxItems: 1000 },
      ),
    ),
  },
  closed,
);
const checkLesson = TypeCompiler.Compile(lessonShape);
const checkText = TypeCompiler.Compile(textShape);
const checkForeign = TypeCompiler.Compile(
  Type.Object({
    source_id: sourceId,
    title,
    summary: textFields.summary,
    body: textFields.body,
    language: Type.Optional(language),
    tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 100 })),
  }),
);

/** Reads one line of an import, or says what is wrong with it. */
export function readRecord(text: string): ReadRecord {
  const value = readJson(text, text.startsWith(BEGINNING) ? WHOLE : []);
  if ("problem" in value) return value;
  if ("satchel" in value.object) return readLesson(value.object, null);
  const { object } = value;
  if (!checkForeign.Check(object)) return { problem: misfit(checkForeign, object) };
  const { source_id: id, title: name, summary, body, language: spoken, tags, ...metadata } = object;
  if (isTooLong(body)) return { problem: TOO_LONG };
  return {
    kind: "foreign",
    record: {
      sourceId: id,
      title: name,
      slug: importSlug(name, id),
      description: summary ?? "",
      body: body ?? "",
      language: languageCode(spoken ?? "en"),
      tags: tags ?? [],
      metadata: metadata as ImportedContent["metadata"],
    },
  };
}

/**
 * Reads a Markdown file, and the one of what readers see beside it, or says what is wrong. Without a slug a lesson is called
 * as its file is, without a status it is a draft. What is not known of a lesson is its metadata.
 */
export function readMarkdown(name: string, text: string, published: string | null): ReadRecord {
  const draft = readFields(text);
  if ("problem" in draft) return draft;
  const live = published === null ? null : readFields(published);
  if (live !== null && "problem" in live) return { problem: `beside it, what is published ${live.problem}` };
  const strange = live === null ? undefined : Object.keys(live.fields).find((each) => !(each in textFields));
  if (strange !== undefined) return { problem: `beside it, what is published has a ${strange}` };
  if (live !== null && "published" in draft.fields) return { problem: `published stands in *${PUBLISHED}` };
  const whole = { satchel: FORM, ...draft.fields, ...(live === null ? {} : { published: live.fields }) };
  // Once more as JSON: what no API takes comes in by no file either.
  const value = readJson(JSON.stringify(whole), WHOLE);
  return "problem" in value ? value : readLesson(value.object, slugify(name));
}

/** The fields of one Markdown file; those that are unknown are among its metadata. */
function readFields(text: string): { readonly fields: object } | { readonly problem: string } {
  const read = readFrontMatter(text);
  if ("problem" in read) return read;
  const entries = Object.entries(asObject(read.values));
  if (entries.some(([name]) => name === "body")) return { problem: "has a body in its front matter" };
  const known = Object.fromEntries(entries.filter(([name]) => Object.hasOwn(lessonShape.properties, name)));
  const unknown = entries.filter(([name]) => !Object.hasOwn(lessonShape.properties, name));
  if (unknown.length === 0) return { fields: { ...known, body: read.body } };
  const document = documentOf(known.metadata as object | string | null | undefined);
  if (document === null) return { problem: NO_METADATA };
  const metadata = asObject(JSON.parse(document));
  const twice = unknown.find(([name]) => Object.hasOwn(metadata, name));
  if (twice !== undefined) return { problem: `has ${JSON.stringify(twice[0])} in its metadata as well` };
  return {
    fields: { ...known, metadata: { ...metadata, ...Object.fromEntries(unknown) }, body: read.body },
  };
}

const asObject = (value: unknown): object =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};

function readLesson(object: object, slug: string | null): ReadRecord {
  if (!checkLesson.Check(object)) return { problem: misfit(checkLesson, object) };
  const text = textOf(object, slug);
  if ("problem" in text) return text;
  const live = object.published == null ? null : textOf(object.published, slug);
  if (live !== null && "problem" in live) return live;
  const status = (object.status ?? "draft") as Lesson["status"];
  const [publishAt, unpublishAt] = [object.publish_at ?? null, object.unpublish_at ?? null];
  const problem = contradiction(status, live !== null, publishAt, unpublishAt);
  if (problem !== null) return { problem };
  const files = object.attachments ?? null;
  return {
    kind: "lesson",
    // A request for a review is made by somebody, of somebody.
    lesson: {
      sourceId: object.source_id ?? null,
      status: status === "pending_review" ? "draft" : status,
      publishAt,
      unpublishAt,
      text,
      live,
    },
    files: files?.map(({ media_type: mediaType, ...facts }) => ({ ...facts, mediaType })) ?? null,
  };
}

/** What the database would refuse without saying it so well. */
function contradiction(
  status: Lesson["status"],
  beside: boolean,
  publishAt: string | null,
  unpublishAt: string | null,
): string | null {
  if (beside && (status === "published" || status === "archived"))
    return `published is another text, and its status is ${status}`;
  if (publishAt !== null && status !== "approved") return "publish_at is only for what is approved";
  const isLive = beside || status === "published";
  if (unpublishAt !== null && !isLive && publishAt === null)
    return "unpublish_at is only for what is published, or will be";
  if (publishAt !== null && unpublishAt !== null && Date.parse(unpublishAt) <= Date.parse(publishAt))
    return "unpublish_at must be later than publish_at";
  for (const time of [publishAt, unpublishAt]) {
    if (time !== null && Number.isNaN(Date.parse(time))) return "publish_at or unpublish_at is no time";
  }
  return null;
}

function textOf(value: unknown, fallbackSlug: string | null): LessonText | { readonly problem: string } {
  const {
    satchel: _,
    source_id: id,
    status: _s,
    publish_at: _p,
    unpublish_at: _u,
    published: _l,
    attachments: _a,
    ...rest
  } = value as Record<string, unknown>;
  if (!checkText.Check(rest)) return { problem: misfit(checkText, rest) };
  if (isTooLong(rest.body)) return { problem: TOO_LONG };
  const slug =
    rest.slug ?? fallbackSlug ?? (typeof id === "string" ? importSlug(rest.title, id) : slugify(rest.title));
  if (slug === "") return { problem: "slug is missing, and cannot be made of the title" };
  const [metadata, settings] = [documentOf(rest.metadata), documentOf(rest.settings)];
  if (metadata === null) return { problem: NO_METADATA };
  if (settings === null) return { problem: "settings is no JSON object that is taken" };
  return {
    slug,
    title: rest.title,
    description: rest.summary ?? "",
    body: rest.body ?? "",
    contentType: (rest.content_type ?? "lesson") as LessonText["contentType"],
    difficultyLevel: (rest.difficulty_level ?? "beginner") as LessonText["difficultyLevel"],
    language: languageCode(rest.language ?? "en"),
    tags: rest.tags ?? [],
    prerequisites: rest.prerequisites ?? [],
    learningObjectives: rest.learning_objectives ?? [],
    estimatedDurationMinutes: rest.estimated_duration_minutes ?? null,
    metadata,
    settings,
  };
}

/** The text of a document; null: it is none that the API would take. As text it may be given too, for what YAML cannot say. */
function documentOf(value: object | string | null | undefined): string | null {
  const text = typeof value === "string" ? value : JSON.stringify(value ?? {});
  // One level deeper, as it stands in a request.
  const read = readJson(`{"document":${text}}`);
  if ("problem" in read || !("document" in read.object) || Object.keys(read.object).length > 1) return null;
  const { document } = read.object;
  return typeof document === "object" && document !== null && !Array.isArray(document)
    ? JSON.stringify(document)
    : null;
}

/** `limits`: for what an export has written, with the documents of a lesson in one record. */
function readJson(
  text: string,
  limits: readonly [names?: number, depth?: number] = [],
): { readonly object: object } | { readonly problem: string } {
  try {
    const value = parseJson(Buffer.from(text), ...limits);
    return typeof value !== "object" || value === null || Array.isArray(value)
      ? { problem: "is not a JSON object" }
      : { object: value };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { detail, errors: [first] = [] } = error.details;
    if (first !== undefined) return { problem: `${first.pointer.slice(2) || "a name"} ${first.detail}` };
    return { problem: detail === undefined ? "is not JSON" : `is not acceptable JSON: ${detail}` };
  }
}

const NO_METADATA = "metadata is no JSON object that is taken";
const TOO_LONG = `body is longer than ${BODY_BYTES} bytes`;
const isTooLong = (body: string | null | undefined): boolean => Buffer.byteLength(body ?? "") > BODY_BYTES;

/** Which field does not fit. */
function misfit(
  check: { Errors(value: unknown): { First(): ValueError | undefined } },
  value: unknown,
): string {
  const error = check.Errors(value).First();
  const field = error?.path.slice(1) ?? "";
  if (field === "") return "does not have the right fields";
  return error?.type === ValueErrorType.ObjectAdditionalProperties
    ? `${field} is no field of a lesson`
    : `${field} is missing or not as it must be`;
}
