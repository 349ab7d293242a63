import { Type } from "@sinclair/typebox";
import { t } from "elysia";
import { changeShape, changeView } from "../http/changes.ts";
import {
  alongOf,
  chosenView,
  commentBody,
  commentShape,
  comments,
  commentView,
  lone,
  render,
} from "../http/comments.ts";
import { endpoint } from "../http/endpoint.ts";
import { choice, nullable, pageOf, uuid } from "../http/wire.ts";
import {
  COMMENT_ORDERS,
  type CommentOrder,
  commentHistory,
  commentNotDeleted,
  createComment,
  deleteComment,
  getComment,
  type ListedComment,
  listComments,
  listOwnComments,
  listReplies,
  ownComment,
  parentNotFound,
  rendered,
  renderedList,
  restoreComment,
  setUpvote,
  tooDeep,
  updateComment,
} from "./comments.ts";

const params = t.Object({ id: uuid() });
const position = Type.Object({ id: uuid(), upvotes: nullable(Type.Integer()) });
const order = (initial: CommentOrder) =>
  t.Optional(
    choice(COMMENT_ORDERS, {
      description: `By when they were written, or by votes; \`${initial}\` when absent.`,
    }),
  );

const positionOf = ({ position }: ListedComment) => position;

export const commentsEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/contents/:id/comments",
    tag: "comments",
    summary: "List the comments on a lesson",
    description:
      "Those directly under it. Of what is deleted or hidden, the place stays while something visible stands below it.",
    params,
    query: t.Object({ ...comments.query, order: order("newest"), render }),
    page: position,
    answers: { 200: pageOf(comments.shape) },
    handle: ({ deps, actor, params, query, page }) =>
      renderedList(
        query.render,
        listComments(deps, actor, params.id, query.order ?? "newest", alongOf(query), page.after, page.limit),
      ),
    present: (found, { page, query }) =>
      page.of(found, ({ comment }) => chosenView(comment, query), positionOf),
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents/:id/comments",
    tag: "comments",
    summary: "Comment on a lesson",
    description:
      "Or on a comment there, up to five levels deep. What a student writes waits where the organization wants it so.",
    params,
    versioned: true,
    body: Type.Object({
      body: commentBody,
      parentId: Type.Optional(
        nullable(uuid(), { description: "The comment it answers: on this lesson, and there for everybody." }),
      ),
    }),
    answers: { 201: commentShape },
    refusals: [parentNotFound, tooDeep],
    handle: ({ deps, actor, params, body }) => createComment(deps, actor, params.id, body),
    present: commentView,
  }),
  endpoint({
    method: "GET",
    path: "/v1/me/comments",
    tag: "comments",
    summary: "List what one has written oneself",
    description: "Newest first, whatever moderators have made of it, without what is deleted.",
    query: t.Object({ ...lone.query, render }),
    page: position,
    answers: { 200: pageOf(lone.shape) },
    handle: ({ deps, actor, query, page }) =>
      renderedList(query.render, listOwnComments(deps, actor, alongOf(query), page.after, page.limit)),
    present: (found, { page, query }) =>
      page.of(found, ({ comment }) => chosenView(comment, query), positionOf),
  }),
  endpoint({
    method: "GET",
    path: "/v1/comments/:id",
    tag: "comments",
    summary: "Read a comment",
    params,
    query: t.Object({ ...comments.query, render }),
    answers: { 200: comments.shape },
    handle: async ({ deps, actor, params, query }) => {
      const comment = await getComment(deps, actor, params.id, alongOf(query));
      return query.render === "html" ? rendered(comment) : comment;
    },
    present: (comment, { query }) => chosenView(comment, query),
  }),
  endpoint({
    method: "PATCH",
    path: "/v1/comments/:id",
    tag: "comments",
    summary: "Edit one's own comment",
    description:
      "The text before stays in its history. Where students' comments wait for approval, the new text waits too.",
    params,
    versioned: true,
    body: Type.Object({ body: commentBody }),
    answers: { 200: commentShape },
    handle: ({ deps, actor, params, ifMatch, body }) => updateComment(deps, actor, params.id, ifMatch, body),
    present: commentView,
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/comments/:id",
    tag: "comments",
    summary: "Delete a comment",
    description:
      "Softly, and without its replies. Authors delete their own, teachers what is on their lessons, admins all.",
    params,
    versioned: true,
    answers: { 204: null },
    handle: ({ deps, actor, params, ifMatch }) => deleteComment(deps, actor, params.id, ifMatch),
    present: () => undefined,
  }),
  endpoint({
    method: "POST",
    path: "/v1/comments/:id/restore",
    tag: "comments",
    summary: "Restore a deleted comment",
    description:
      "Authors restore what they have deleted themselves; what a moderator has deleted, moderators restore.",
    params,
    versioned: true,
    answers: { 200: commentShape },
    refusals: [commentNotDeleted],
    handle: ({ deps, actor, params, ifMatch }) => restoreComment(deps, actor, params.id, ifMatch),
    present: commentView,
  }),
  endpoint({
    method: "GET",
    path: "/v1/comments/:id/replies",
    tag: "comments",
    summary: "List the replies to a comment",
    params,
    query: t.Object({ ...comments.query, order: order("oldest"), render }),
    page: position,
    answers: { 200: pageOf(comments.shape) },
    handle: ({ deps, actor, params, query, page }) =>
      renderedList(
        query.render,
        listReplies(deps, actor, params.id, query.order ?? "oldest", alongOf(query), page.after, page.limit),
      ),
    present: (found, { page, query }) =>
      page.of(found, ({ comment }) => chosenView(comment, query), positionOf),
  }),
  endpoint({
    method: "GET",
    path: "/v1/comments/:id/history",
    tag: "comments",
    summary: "Read what was changed of a comment",
    description:
      "Newest first: who, when, before and after. For staff and its author, also once it is deleted.",
    params,
    page: uuid(),
    answers: { 200: pageOf(changeShape) },
    handle: ({ deps, actor, params, page }) => commentHistory(deps, actor, params.id, page.after, page.limit),
    present: (found, { page }) => {
      const last = found.at(-1);
      return page.answer(found.map(changeView), last?.followed === true ? last.id : null);
    },
  }),
  endpoint({
    method: "PUT",
    path: "/v1/comments/:id/upvote",
    tag: "comments",
    summary: "Agree with a comment",
    description: "One vote a person, and none for a comment of one's own. Again, it changes nothing.",
    params,
    answers: { 200: commentShape },
    refusals: [ownComment],
    handle: ({ deps, actor, params }) => setUpvote(deps, actor, params.id, true),
    present: commentView,
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/comments/:id/upvote",
    tag: "comments",
    summary: "No longer agree with a comment",
    params,
    answers: { 200: commentShape },
    refusals: [ownComment],
    handle: ({ deps, actor, params }) => setUpvote(deps, actor, params.id, false),
    present: commentView,
  }),
];
