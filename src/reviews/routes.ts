import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { contentShape, contentView } from "../http/contents.ts";
import { endpoint } from "../http/endpoint.ts";
import { choice, filled, nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import { TRANSITIONS, transitionSentence } from "../workflow.ts";
import {
  approveContent,
  contentReviews,
  illegalTransition,
  ownWork,
  pendingReviews,
  REVIEW_STATES,
  type Review,
  rejectContent,
  reviewerUnsuitable,
  submitContent,
  withdrawContent,
} from "./reviews.ts";

const words = (examples: string[], description: string) => filled({ maxLength: 2000, examples, description });
const reason = words(["The third step leaves out the condition."], "Why.");

const review = Type.Object({
  id: uuid(),
  contentId: uuid(),
  title: Type.String({ description: "The lesson's, as it is now." }),
  number: Type.Integer({ description: "The version that was submitted.", examples: [2] }),
  state: choice(REVIEW_STATES, { examples: ["pending"] }),
  reviewerId: nullable(uuid(), { description: "Who was asked; null: whoever may." }),
  note: nullable(Type.String()),
  createdAt: timestamp(),
  createdById: nullable(uuid()),
  decidedAt: nullable(timestamp()),
  decidedById: nullable(uuid()),
  reason: nullable(Type.String()),
});

const view = (row: Review): Static<typeof review> => ({
  id: row.id,
  contentId: row.contentId,
  title: row.title,
  number: row.number,
  state: row.state,
  reviewerId: row.reviewerId,
  note: row.note,
  createdAt: row.createdAt,
  createdById: row.createdById,
  decidedAt: row.decidedAt,
  decidedById: row.decidedById,
  reason: row.reason,
});

const described = (action: "submit" | "withdraw" | "approve" | "reject") =>
  `${TRANSITIONS[action].meaning} ${transitionSentence(action)}`;

const params = t.Object({ id: uuid() });
export const reviewsEndpoints = [
  endpoint({
    method: "POST",
    path: "/v1/contents/:id/submit",
    tag: "reviews",
    summary: "Ask for a review of a lesson",
    description: described("submit"),
    params,
    versioned: true,
    body: Type.Object({
      reviewerId: Type.Optional(uuid({ description: "A teacher or an admin; without one whoever may." })),
      note: Type.Optional(words(["Please look at the examples."], "What the reviewer should know.")),
    }),
    answers: { 200: contentShape },
    refusals: [illegalTransition, reviewerUnsuitable],
    handle: ({ deps, actor, params, ifMatch, body }) =>
      submitContent(deps, actor, params.id, ifMatch, {
        reviewerId: body.reviewerId ?? null,
        note: body.note ?? null,
      }),
    present: contentView,
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents/:id/withdraw",
    tag: "reviews",
    summary: "Take the request for a review back",
    description: described("withdraw"),
    params,
    versioned: true,
    answers: { 200: contentShape },
    refusals: [illegalTransition],
    handle: ({ deps, actor, params, ifMatch }) => withdrawContent(deps, actor, params.id, ifMatch),
    present: contentView,
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents/:id/approve",
    tag: "reviews",
    summary: "Approve a lesson",
    description: `${described("approve")} Where somebody in particular was asked: by them, or by an admin. \`If-Match\` names the version that was read: that is what is approved.`,
    params,
    versioned: "if-match",
    body: Type.Object({ reason: Type.Optional(reason) }),
    answers: { 200: contentShape },
    refusals: [illegalTransition, ownWork],
    handle: ({ deps, actor, params, ifMatch, body }) =>
      approveContent(deps, actor, params.id, ifMatch, body.reason ?? null),
    present: contentView,
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents/:id/reject",
    tag: "reviews",
    summary: "Reject a lesson",
    description: `${described("reject")} By whom it could be approved.`,
    params,
    versioned: "if-match",
    body: Type.Object({ reason }),
    answers: { 200: contentShape },
    refusals: [illegalTransition, ownWork],
    handle: ({ deps, actor, params, ifMatch, body }) =>
      rejectContent(deps, actor, params.id, ifMatch, body.reason),
    present: contentView,
  }),
  endpoint({
    method: "GET",
    path: "/v1/contents/:id/reviews",
    tag: "reviews",
    summary: "List the requests for review of a lesson",
    description: "Newest first.",
    params,
    page: uuid(),
    answers: { 200: pageOf(review) },
    handle: ({ deps, actor, params, page }) => contentReviews(deps, actor, params.id, page.after, page.limit),
    present: (found, { page }) => page.of(found, view, ({ id }) => id),
  }),
  endpoint({
    method: "GET",
    path: "/v1/reviews",
    tag: "reviews",
    summary: "List what waits for a review",
    description: "The longest first.",
    query: t.Object({
      reviewerId: t.Optional(uuid({ description: "Only what this person was asked for." })),
      mine: t.Optional(
        t.Boolean({
          description: "Only what is for you: you were asked, or nobody was and you did not ask yourself.",
        }),
      ),
    }),
    page: uuid(),
    answers: { 200: pageOf(review) },
    handle: ({ deps, actor, query, page }) =>
      pendingReviews(
        deps,
        actor,
        { reviewerId: query.reviewerId ?? null, mine: query.mine ?? false },
        page.after,
        page.limit,
      ),
    present: (found, { page }) => page.of(found, view, ({ id }) => id),
  }),
];
