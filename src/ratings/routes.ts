import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { endpoint } from "../http/endpoint.ts";
import { authorShape } from "../http/people.ts";
import { selectionOf } from "../http/selection.ts";
import { choice, filled, nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import {
  contentNotPublished,
  getOwnRating,
  getRating,
  listRatings,
  ownContent,
  ownRating,
  RATING_ORDERS,
  type Rating,
  rateContent,
  type ShownRating,
  setHelpful,
  setHidden,
  withdrawRating,
} from "./ratings.ts";

const stars = Type.Integer({ minimum: 1, maximum: 5, examples: [4] });
const review = filled({ maxLength: 5000, examples: ["The pictures made me understand it."] });

const rating = Type.Object({
  id: uuid(),
  contentId: uuid(),
  userId: uuid({ description: "Whose it is." }),
  stars,
  review: nullable(Type.String()),
  hiddenAt: nullable(
    timestamp({ description: "Since when staff keep the review out of sight; the stars count." }),
  ),
  helpfulCount: Type.Integer({ description: "How many found the review helpful." }),
  createdAt: timestamp(),
  updatedAt: timestamp(),
});

const listed = Type.Object({
  ...rating.properties,
  foundHelpful: Type.Boolean({ description: "Whether you found it helpful." }),
});

const view = (row: Rating): Static<typeof rating> => ({
  id: row.id,
  contentId: row.contentId,
  userId: row.userId,
  stars: row.stars,
  review: row.review,
  hiddenAt: row.hiddenAt,
  helpfulCount: row.helpfulCount,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
});

const reviews = selectionOf(listed, Type.Object({ author: nullable(authorShape) }));

const reviewView = (row: ShownRating, query: Parameters<typeof reviews.select>[1]) =>
  reviews.select(
    { ...view(row), foundHelpful: row.foundHelpful },
    query,
    row.author === undefined ? {} : { author: row.author },
  );

const params = t.Object({ id: uuid() });

export const ratingsEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/contents/:id/rating",
    tag: "ratings",
    summary: "Read your rating of a lesson",
    description: "404 while you have not rated it.",
    params,
    answers: { 200: rating },
    handle: ({ deps, actor, params }) => getOwnRating(deps, actor, params.id),
    present: view,
  }),
  endpoint({
    method: "PUT",
    path: "/v1/contents/:id/rating",
    tag: "ratings",
    summary: "Rate a lesson",
    description:
      "Your one rating of it, whole: rating it again replaces stars and review. It needs no If-Match, since nobody but you writes it.",
    params,
    body: Type.Object({ stars, review: Type.Optional(nullable(review)) }),
    answers: { 200: rating },
    refusals: [contentNotPublished, ownContent],
    handle: ({ deps, actor, params, body }) =>
      rateContent(deps, actor, params.id, { stars: body.stars, review: body.review ?? null }),
    present: view,
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/contents/:id/rating",
    tag: "ratings",
    summary: "Withdraw your rating of a lesson",
    description: "It counts no longer. You may rate the lesson anew.",
    params,
    answers: { 204: null },
    handle: ({ deps, actor, params }) => withdrawRating(deps, actor, params.id),
    present: () => undefined,
  }),
  endpoint({
    method: "GET",
    path: "/v1/contents/:id/ratings",
    tag: "ratings",
    summary: "List the reviews of a lesson",
    description:
      "Ratings that have a review; those without one count in `GET /v1/contents/{id}/statistics`. What staff have hidden is shown to staff alone.",
    params,
    query: t.Object({
      ...reviews.query,
      order: t.Optional(
        choice(RATING_ORDERS, {
          description: "The newest first, or those that most people found helpful.",
          examples: ["helpful"],
        }),
      ),
    }),
    page: Type.Object({ id: uuid(), helpfulCount: Type.Integer() }),
    answers: { 200: pageOf(reviews.shape) },
    handle: ({ deps, actor, params, query, page }) => {
      const asked = { order: query.order ?? "newest", author: query.include?.includes("author") ?? false };
      return listRatings(deps, actor, params.id, asked, page.after, page.limit);
    },
    present: (found, { page, query }) =>
      page.of(
        found,
        (row) => reviewView(row, query),
        ({ id, helpfulCount }) => ({ id, helpfulCount }),
      ),
  }),
  endpoint({
    method: "GET",
    path: "/v1/ratings/:id",
    tag: "ratings",
    summary: "Read a rating",
    description: "Your own, or one with a review that you may see.",
    params,
    answers: { 200: rating },
    handle: ({ deps, actor, params }) => getRating(deps, actor, params.id),
    present: view,
  }),
  endpoint({
    method: "PUT",
    path: "/v1/ratings/:id/helpful",
    tag: "ratings",
    summary: "Find a review helpful",
    description: "Somebody else's, once: doing so again changes nothing.",
    params,
    answers: { 204: null },
    refusals: [ownRating],
    handle: ({ deps, actor, params }) => setHelpful(deps, actor, params.id, true),
    present: () => undefined,
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/ratings/:id/helpful",
    tag: "ratings",
    summary: "Take back that you found a review helpful",
    params,
    answers: { 204: null },
    refusals: [ownRating],
    handle: ({ deps, actor, params }) => setHelpful(deps, actor, params.id, false),
    present: () => undefined,
  }),
  endpoint({
    method: "PUT",
    path: "/v1/ratings/:id/hidden",
    tag: "ratings",
    summary: "Hide a review",
    description:
      "Its words are shown to staff and their author alone, the stars go on counting. Teachers do it on their own lessons, admins on all; it is in the audit.",
    params,
    answers: { 200: rating },
    handle: ({ deps, actor, params }) => setHidden(deps, actor, params.id, true),
    present: view,
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/ratings/:id/hidden",
    tag: "ratings",
    summary: "Show a hidden review again",
    params,
    answers: { 200: rating },
    handle: ({ deps, actor, params }) => setHidden(deps, actor, params.id, false),
    present: view,
  }),
];
