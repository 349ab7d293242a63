import { Type } from "@sinclair/typebox";
import { t } from "elysia";
import { endpoint } from "../http/endpoint.ts";
import { pageOf } from "../http/wire.ts";
import { listTags } from "./tags.ts";

const name = Type.String({ examples: ["python"] });
const tag = Type.Object({
  name,
  lessons: Type.Integer({ description: "How many carry it as staff write them; 0 for who is no staff." }),
  published: Type.Integer({ description: "With how many of them readers see it." }),
});

export const tagsEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/tags",
    tag: "contents",
    summary: "List the tags of lessons",
    description: "With how many lessons carry each. Who is no staff sees the tags of what is published.",
    query: t.Object({
      prefix: t.Optional(
        Type.String({
          minLength: 1,
          maxLength: 100,
          description: "How their names begin, in whatever case and with or without accents.",
          examples: ["pyt"],
        }),
      ),
    }),
    page: Type.String(),
    answers: { 200: pageOf(tag) },
    handle: ({ deps, actor, query, page }) =>
      listTags(deps, actor, query.prefix ?? null, page.after, page.limit),
    present: (found, { page }) =>
      page.of(
        found,
        (row) => ({ name: row.name, lessons: row.lessons, published: row.published }),
        (row) => row.name,
      ),
  }),
];
