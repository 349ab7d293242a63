import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { endpoint } from "../http/endpoint.ts";
import { formed, nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import { LANGUAGE_FORM, LANGUAGE_PATTERN } from "../languages.ts";
import { type FoundContent, searchContents } from "./search.ts";

const found = Type.Object({
  id: uuid(),
  sourceId: nullable(Type.String()),
  title: Type.String(),
  slug: Type.String(),
  description: Type.String(),
  contentType: Type.String(),
  difficultyLevel: Type.String(),
  language: Type.String(),
  tags: Type.Array(Type.String()),
  publishedAt: nullable(timestamp()),
  score: Type.Number({ description: "Higher is better; to be compared within one answer only." }),
  snippet: Type.String({
    description: "Safe HTML: the lesson's text with `<mark>` around what matched.",
    examples: ["Repeats while a <mark>loop</mark> condition holds"],
  }),
});

const view = (row: FoundContent): Static<typeof found> => ({
  id: row.id,
  sourceId: row.sourceId,
  title: row.title,
  slug: row.slug,
  description: row.description,
  contentType: row.contentType,
  difficultyLevel: row.difficultyLevel,
  language: row.language,
  tags: [...row.tags],
  publishedAt: row.publishedAt,
  score: row.score,
  snippet: row.snippet,
});

export const searchEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/search",
    tag: "search",
    summary: "Find lessons",
    description:
      'The organization\'s published lessons in which all words occur, in any of their forms, best first. `"quoted phrases"`, `or` and `-word` work. A lesson is found within moments of being published.',
    query: t.Object({
      q: Type.String({
        minLength: 1,
        maxLength: 500,
        description: 'What to look for: words, `"quoted phrases"`, `or`, `-word`.',
        examples: ["while loop"],
      }),
      language: t.Optional(
        formed(LANGUAGE_FORM, {
          pattern: LANGUAGE_PATTERN,
          description: "Only lessons in this language. Without it each lesson is searched in its own.",
          examples: ["en"],
        }),
      ),
    }),
    page: Type.Object({ score: Type.Number(), id: uuid() }),
    answers: { 200: pageOf(found) },
    handle: ({ deps, actor, query, page }) =>
      searchContents(deps, actor, {
        query: query.q,
        language: query.language ?? null,
        after: page.after,
        limit: page.limit,
      }),
    present: (matches, { page }) => page.of(matches, view, ({ score, id }) => ({ score, id })),
  }),
];
