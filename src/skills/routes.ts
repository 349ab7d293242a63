import { Type } from "@sinclair/typebox";
import { t } from "elysia";
import { endpoint } from "../http/endpoint.ts";
import { pageOf } from "../http/wire.ts";
import { listSkills } from "./skills.ts";

const skill = Type.Object({
  name: Type.String({ examples: ["JavaScript"] }),
  people: Type.Integer({ description: "How many have it." }),
});

export const skillsEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/skills",
    tag: "users",
    summary: "List the skills of people",
    description: "With how many people have each.",
    query: t.Object({
      prefix: t.Optional(
        Type.String({
          minLength: 1,
          maxLength: 100,
          description: "How their names begin, in whatever case and with or without accents.",
          examples: ["java"],
        }),
      ),
    }),
    page: Type.String(),
    answers: { 200: pageOf(skill) },
    handle: ({ deps, actor, query, page }) =>
      listSkills(deps, actor, query.prefix ?? null, page.after, page.limit),
    present: (found, { page }) =>
      page.of(
        found,
        ({ name, people }) => ({ name, people }),
        ({ name }) => name,
      ),
  }),
];
