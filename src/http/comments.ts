/** How a comment travels. Here and not in src/comments, because moderators are shown the same ones. */
import { type Static, Type } from "@sinclair/typebox";
import { type Comment, SHOWN_STATES } from "../comments/comments.ts";
import { selectionOf } from "./selection.ts";
import { choice, described, filled, nullable, timestamp, uuid, version } from "./wire.ts";

export const commentBody = filled({
  maxLength: 10_000,
  description: "Markdown, stored as written.",
  examples: ["Why does the loop *end*?"],
});

const author = nullable(
  Type.Object({ id: uuid(), fullName: Type.String(), avatarUrl: nullable(Type.String()) }),
  { description: "Null when the author is deleted or erased, or the comment is not shown." },
);

export const commentShape = Type.Object({
  id: uuid(),
  contentId: uuid(),
  parentId: nullable(uuid(), {
    description: "The comment it answers; null: it stands directly under the lesson.",
  }),
  state: choice(SHOWN_STATES, {
    description: "`approved`: everybody sees it. What waits or was rejected, staff and its author see.",
    examples: ["approved"],
  }),
  body: nullable(Type.String(), {
    description: "Null where only the place of a comment is left above its replies.",
  }),
  html: Type.Optional(
    nullable(Type.String(), { description: "With `render=html`: safe to be put into any page." }),
  ),
  authorId: nullable(uuid(), { description: "Null as `body` is." }),
  upvoteCount: Type.Integer({ minimum: 0 }),
  upvotedByMe: Type.Boolean(),
  replyCount: Type.Integer({
    minimum: 0,
    description: "Comments below it that everybody sees, at any depth.",
  }),
  flagCount: nullable(Type.Integer({ minimum: 0 }), {
    description: "Flags that no moderator has looked at; null for who is no staff.",
  }),
  version: described(version(), "For `If-Match`; votes, flags and replies leave it alone."),
  createdAt: timestamp(),
  editedAt: nullable(timestamp()),
});

const reply = Type.Composite([commentShape, Type.Object({ author: Type.Optional(author) })]);

/** A comment, and what comes along with it when asked for. */
export const comments = selectionOf(
  commentShape,
  Type.Object({ author, replies: Type.Array(reply, { description: "The first three, oldest first." }) }),
);
/** As `comments`, where replies are no part of the question. */
export const lone = selectionOf(commentShape, Type.Object({ author }));

type Chosen = Static<typeof comments.shape>;
type Asked = Parameters<typeof comments.select>[1] & {
  readonly include?: readonly ("author" | "replies")[] | undefined;
};

export const alongOf = ({ include = [] }: Asked) => ({
  author: include.includes("author"),
  replies: include.includes("replies"),
});

/** Written out: a row that gains a column must not gain a field by itself. */
export const commentView = (row: Comment): Static<typeof commentShape> => ({
  id: row.id,
  contentId: row.contentId,
  parentId: row.parentId,
  state: row.state,
  body: row.body,
  ...(row.html === undefined ? {} : { html: row.html }),
  authorId: row.authorId,
  upvoteCount: row.upvoteCount,
  upvotedByMe: row.upvotedByMe,
  replyCount: row.replyCount,
  flagCount: row.flagCount,
  version: row.version,
  createdAt: row.createdAt,
  editedAt: row.editedAt,
});

const withAuthor = ({ author }: Comment) => (author === undefined ? {} : { author });

/** What was asked for of a comment, and what comes along with it. */
export const chosenView = (row: Comment, query: Asked): Chosen =>
  comments.select(commentView(row), query, {
    ...withAuthor(row),
    ...(row.replies === undefined
      ? {}
      : { replies: row.replies.map((reply) => ({ ...commentView(reply), ...withAuthor(reply) })) }),
  });

export const render = Type.Optional(
  choice(["html"], { description: "`html`: each text comes along as HTML, in `html`.", examples: ["html"] }),
);
