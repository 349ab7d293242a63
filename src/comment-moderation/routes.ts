import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { alongOf, chosenView, commentShape, commentView, lone } from "../http/comments.ts";
import { endpoint } from "../http/endpoint.ts";
import { choice, nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import {
  alreadyFlagged,
  approveComment,
  FLAG_REASONS,
  FLAG_RESOLUTIONS,
  type Flag,
  flagComment,
  listFlags,
  listForModeration,
  ownComment,
  QUEUES,
  rejectComment,
} from "./comment-moderation.ts";

const params = t.Object({ id: uuid() });
const reason = choice(FLAG_REASONS, { examples: ["abuse"] });

const flag = Type.Object({
  userId: uuid(),
  reason,
  flaggedAt: timestamp(),
  resolvedAt: nullable(timestamp(), { description: "Null: no moderator has looked yet." }),
  resolvedById: nullable(uuid()),
  resolution: nullable(choice(FLAG_RESOLUTIONS, { examples: ["dismissed"] })),
});

const flagView = (row: Flag): Static<typeof flag> => ({
  userId: row.userId,
  reason: row.reason,
  flaggedAt: row.flaggedAt,
  resolvedAt: row.resolvedAt,
  resolvedById: row.resolvedById,
  resolution: row.resolution,
});

export const commentModerationEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/comments",
    tag: "comments",
    summary: "List comments that need a moderator",
    description: "Oldest first. Teachers see those on their lessons, admins all.",
    query: t.Object({
      ...lone.query,
      state: choice(QUEUES, {
        description:
          "`flagged`: also those that everybody sees. `deleted`: without what went with its lesson.",
        examples: ["waiting"],
      }),
    }),
    page: uuid(),
    answers: { 200: pageOf(lone.shape) },
    handle: ({ deps, actor, query, page }) =>
      listForModeration(deps, actor, query.state, alongOf(query), page.after, page.limit),
    present: (found, { page, query }) =>
      page.of(
        found,
        (comment) => chosenView(comment, query),
        ({ id }) => id,
      ),
  }),
  endpoint({
    method: "POST",
    path: "/v1/comments/:id/flags",
    tag: "comments",
    summary: "Say that a comment should not stand there",
    description: "Once a person; again only when it was edited after a moderator had looked.",
    params,
    body: Type.Object({ reason }),
    answers: { 201: flag },
    refusals: [ownComment, alreadyFlagged],
    handle: ({ deps, actor, params, body }) => flagComment(deps, actor, params.id, body.reason),
    present: flagView,
  }),
  endpoint({
    method: "GET",
    path: "/v1/comments/:id/flags",
    tag: "comments",
    summary: "List who flagged a comment",
    params,
    page: uuid(),
    answers: { 200: pageOf(flag) },
    handle: ({ deps, actor, params, page }) => listFlags(deps, actor, params.id, page.after, page.limit),
    present: (found, { page }) => page.of(found, flagView, ({ userId }) => userId),
  }),
  endpoint({
    method: "POST",
    path: "/v1/comments/:id/approve",
    tag: "comments",
    summary: "Show a comment to everybody",
    description:
      "And dismiss its flags. `If-Match` names the version that was read: that is what is approved.",
    params,
    versioned: "if-match",
    answers: { 200: commentShape },
    handle: ({ deps, actor, params, ifMatch }) => approveComment(deps, actor, params.id, ifMatch),
    present: commentView,
  }),
  endpoint({
    method: "POST",
    path: "/v1/comments/:id/reject",
    tag: "comments",
    summary: "Hide a comment from everybody but staff and its author",
    description: "Its flags were right. Its replies stay.",
    params,
    versioned: true,
    answers: { 200: commentShape },
    handle: ({ deps, actor, params, ifMatch }) => rejectComment(deps, actor, params.id, ifMatch),
    present: commentView,
  }),
];
