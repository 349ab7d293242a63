import { Type } from "@sinclair/typebox";
import { t } from "elysia";
import { contentShape, contentView } from "../http/contents.ts";
import { endpoint } from "../http/endpoint.ts";
import { moment, nullable, uuid } from "../http/wire.ts";
import { TRANSITIONS, transitionSentence } from "../workflow.ts";
import { illegalTransition, ownWork, scheduleContent, scheduleUnordered } from "./publications.ts";

const dateOf = (text: string | null): Date | null => (text === null ? null : new Date(text));

const params = t.Object({ id: uuid() });
export const publicationsEndpoints = [
  endpoint({
    method: "PUT",
    path: "/v1/contents/:id/schedule",
    tag: "contents",
    summary: "Name the times at which a lesson is published and unpublished",
    description: `${TRANSITIONS.schedule.meaning} ${transitionSentence("schedule")} With \`unpublishAt\` alone: while something is live. Another text calls the publication off. Both null: as DELETE.`,
    params,
    versioned: true,
    body: Type.Object({
      publishAt: nullable(moment({ description: "Null: not by itself." })),
      unpublishAt: nullable(moment({ description: "Null: never.", examples: ["2027-07-01T00:00:00Z"] })),
    }),
    answers: { 200: contentShape },
    refusals: [illegalTransition, ownWork, scheduleUnordered],
    handle: ({ deps, actor, params, ifMatch, body }) =>
      scheduleContent(deps, actor, "PUT /v1/contents/:id/schedule", params.id, ifMatch, {
        publishAt: dateOf(body.publishAt),
        unpublishAt: dateOf(body.unpublishAt),
      }),
    present: contentView,
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/contents/:id/schedule",
    tag: "contents",
    summary: "Call off the times at which a lesson is published and unpublished",
    description: transitionSentence("unschedule"),
    params,
    versioned: true,
    answers: { 200: contentShape },
    refusals: [illegalTransition],
    handle: ({ deps, actor, params, ifMatch }) =>
      scheduleContent(deps, actor, "DELETE /v1/contents/:id/schedule", params.id, ifMatch, {
        publishAt: null,
        unpublishAt: null,
      }),
    present: contentView,
  }),
];
