import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { endpoint } from "../http/endpoint.ts";
import { authorShape } from "../http/people.ts";
import { ratingSumsShape, ratingSumsView } from "../http/ratings.ts";
import { selectionOf } from "../http/selection.ts";
import { nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import {
  type Completion,
  completeContent,
  contentNotPublished,
  contentStatistics,
  listCompletions,
  listOwnCompletions,
  type ShownCompletion,
  type Statistics,
  undoCompletion,
  viewContent,
} from "./counters.ts";

const viewed = Type.Object({
  counted: Type.Boolean({ description: "False when this hour was counted already." }),
});

const completion = Type.Object({
  id: uuid(),
  contentId: uuid(),
  userId: uuid(),
  completedAt: timestamp(),
});

const completionView = (row: Completion): Static<typeof completion> => ({
  id: row.id,
  contentId: row.contentId,
  userId: row.userId,
  completedAt: row.createdAt,
});

const completions = selectionOf(completion, Type.Object({ person: nullable(authorShape) }));

const completionsView = (row: ShownCompletion, query: Parameters<typeof completions.select>[1]) =>
  completions.select(completionView(row), query, row.person === undefined ? {} : { person: row.person });

const number = (description: string) => Type.Integer({ minimum: 0, description, examples: [120] });

const statistics = Type.Object({
  views: number("How often it was read; a person counts once in an hour."),
  viewers: number("By how many people."),
  completions: number("How many have completed it."),
  comments: number("Those that everybody sees."),
  ratings: ratingSumsShape,
});

const statisticsView = (row: Statistics): Static<typeof statistics> => ({
  views: row.views,
  viewers: row.viewers,
  completions: row.completions,
  comments: row.comments,
  ratings: ratingSumsView(row.ratings),
});

const params = t.Object({ id: uuid() });

export const countersEndpoints = [
  endpoint({
    method: "POST",
    path: "/v1/contents/:id/views",
    tag: "counters",
    summary: "Count that you read a lesson",
    description: "Once in each hour (UTC), however often it is sent.",
    params,
    answers: { 200: viewed },
    refusals: [contentNotPublished],
    handle: ({ deps, actor, params }) => viewContent(deps, actor, params.id),
    present: (counted) => ({ counted }),
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents/:id/completion",
    tag: "counters",
    summary: "Say that you have completed a lesson",
    description: "Once: sent again, it answers with the first time.",
    params,
    answers: { 200: completion },
    refusals: [contentNotPublished],
    handle: ({ deps, actor, params }) => completeContent(deps, actor, params.id),
    present: completionView,
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/contents/:id/completion",
    tag: "counters",
    summary: "Take back that you have completed a lesson",
    description: "Where there is nothing to take back, nothing happens.",
    params,
    answers: { 204: null },
    handle: ({ deps, actor, params }) => undoCompletion(deps, actor, params.id),
    present: () => undefined,
  }),
  endpoint({
    method: "GET",
    path: "/v1/contents/:id/completions",
    tag: "counters",
    summary: "List who has completed a lesson",
    description:
      "The latest first. Teachers see it of their own lessons, admins of all; that they were shown it is in the audit.",
    params,
    query: t.Object(completions.query),
    page: uuid(),
    answers: { 200: pageOf(completions.shape) },
    handle: ({ deps, actor, params, query, page }) => {
      const person = query.include?.includes("person") ?? false;
      return listCompletions(deps, actor, params.id, { person }, page.after, page.limit);
    },
    present: (found, { page, query }) =>
      page.of(
        found,
        (row) => completionsView(row, query),
        ({ id }) => id,
      ),
  }),
  endpoint({
    method: "GET",
    path: "/v1/contents/:id/statistics",
    tag: "counters",
    summary: "Read what a lesson comes to",
    description: "Views, completions, comments and ratings, exact at the moment of asking.",
    params,
    answers: { 200: statistics },
    handle: ({ deps, actor, params }) => contentStatistics(deps, actor, params.id),
    present: statisticsView,
  }),
  endpoint({
    method: "GET",
    path: "/v1/me/completions",
    tag: "counters",
    summary: "List what you have completed",
    description: "The latest first, without lessons that are deleted.",
    page: uuid(),
    answers: { 200: pageOf(completion) },
    handle: ({ deps, actor, page }) => listOwnCompletions(deps, actor, page.after, page.limit),
    present: (found, { page }) => page.of(found, completionView, ({ id }) => id),
  }),
];
