import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { answer, endpoint } from "../http/endpoint.ts";
import { choice, filled, nullable, timestamp, uuid } from "../http/wire.ts";
import {
  getRename,
  RENAME_FAILURES,
  RENAME_STATES,
  type Rename,
  renameUnderWay,
  requestRename,
} from "./renames.ts";

const request = (from: readonly string[], to: string) =>
  Type.Object({
    from: Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
      minItems: 1,
      maxItems: 100,
      description: "Exactly as they are written: several become one.",
      examples: [from],
    }),
    to: filled({
      maxLength: 100,
      description: "Kept in Unicode's form NFC and without white space around it.",
      examples: [to],
    }),
  });

const renameShape = Type.Object({
  id: uuid(),
  state: choice(RENAME_STATES, { examples: ["finished"] }),
  failure: nullable(
    choice(RENAME_FAILURES, { description: "Why it has failed. What was renamed until then stays so." }),
  ),
  from: Type.Array(Type.String()),
  to: Type.String(),
  changed: Type.Integer({
    description:
      "How many were changed so far; whatever was written with an old word meanwhile counts again.",
  }),
  createdAt: timestamp(),
  requestedById: nullable(uuid()),
  finishedAt: nullable(timestamp()),
});

const view = (made: Rename): Static<typeof renameShape> => ({
  id: made.id,
  state: made.state,
  failure: made.failure,
  from: [...made.from],
  to: made.to,
  changed: made.changed,
  createdAt: made.createdAt,
  requestedById: made.requestedById,
  finishedAt: made.finishedAt,
});

const params = t.Object({ id: uuid() });

export const renamesEndpoints = [
  endpoint({
    method: "POST",
    path: "/v1/tags/rename",
    tag: "contents",
    summary: "Rename or merge tags",
    description:
      "Of all lessons that are not deleted, in what staff write and in what readers see, without a review: no text " +
      "changes its meaning. Each lesson has a new version by it. A job does the work.",
    body: request(["loop", "Loops"], "loops"),
    answers: { 202: renameShape },
    refusals: [renameUnderWay],
    handle: ({ deps, actor, body }) => requestRename(deps, actor, "tags", body),
    present: (made) => answer(view(made), { headers: { location: `/v1/tags/renames/${made.id}` } }),
  }),
  endpoint({
    method: "GET",
    path: "/v1/tags/renames/:id",
    tag: "contents",
    summary: "See how far a renaming of tags is",
    description: "Kept for a week after it has ended.",
    params,
    answers: { 200: renameShape },
    handle: ({ deps, actor, params }) => getRename(deps, actor, "tags", params.id),
    present: view,
  }),
  endpoint({
    method: "POST",
    path: "/v1/skills/rename",
    tag: "users",
    summary: "Rename or merge skills",
    description: "Of everybody who is not deleted. A job does the work.",
    body: request(["JS", "Javascript"], "JavaScript"),
    answers: { 202: renameShape },
    refusals: [renameUnderWay],
    handle: ({ deps, actor, body }) => requestRename(deps, actor, "skills", body),
    present: (made) => answer(view(made), { headers: { location: `/v1/skills/renames/${made.id}` } }),
  }),
  endpoint({
    method: "GET",
    path: "/v1/skills/renames/:id",
    tag: "users",
    summary: "See how far a renaming of skills is",
    description: "Kept for a week after it has ended.",
    params,
    answers: { 200: renameShape },
    handle: ({ deps, actor, params }) => getRename(deps, actor, "skills", params.id),
    present: view,
  }),
];
