/** Reading lessons: their lists, and what comes along with one that is read. */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { type Attachment, listAttachmentsOfIn } from "../attachments/attachments.ts";
import { countCommentsOfIn } from "../comments/comments.ts";
import { type ContentAsOf, getContentAsOf } from "../content-versions/content-versions.ts";
import {
  CONTENT_STATUSES,
  CONTENT_TYPES,
  type Content,
  type ContentSummary,
  type ContentView,
  DIFFICULTY_LEVELS,
  getContent,
  getContentEvenDeleted,
  renderContent,
} from "../contents/contents.ts";
import { withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { forbidden, invalidRequest } from "../errors.ts";
import { languageCode } from "../languages.ts";
import type { From } from "../lists.ts";
import { isStaff, mayAct } from "../permissions.ts";
import { type RatingSums, ratingsOfIn } from "../ratings/ratings.ts";
import { type Author, listAuthorsIn } from "../users/users.ts";
import type { ContentFilter, ContentOrder, ContentPosition, Scope } from "./repository.ts";
import * as rows from "./repository.ts";

export type { Attachment } from "../attachments/attachments.ts";
export type { ContentAsOf } from "../content-versions/content-versions.ts";
export { CONTENT_VIEWS, type Content, type ContentSummary, type ContentView } from "../contents/contents.ts";
export type { RatingSums } from "../ratings/ratings.ts";
export type { Author } from "../users/users.ts";
export { CONTENT_ORDERS, type ContentFilter, type ContentOrder, type ContentPosition } from "./repository.ts";

/** What may come along with a lesson. */
export const CONTENT_INCLUDES = ["author", "ratings", "commentCount", "attachments"] as const;
export type ContentInclude = (typeof CONTENT_INCLUDES)[number];

export interface Included {
  /** Null where nobody in particular wrote it, or who did is gone. */
  readonly author?: Author | null;
  readonly ratings?: RatingSums;
  readonly commentCount?: number;
  /** In their order. */
  readonly attachments?: readonly Attachment[];
}

export interface ListedContent {
  readonly content: ContentSummary;
  readonly included: Included;
  readonly position: ContentPosition;
}

export interface ContentList {
  /** In the order of the list, one more than `limit` when there are more. */
  readonly items: readonly ListedContent[];
  /** How many there are on all pages; null unless it was asked for. */
  readonly total: number | null;
}

export interface ListOptions {
  readonly order: ContentOrder;
  readonly from: From<ContentPosition> | null;
  readonly limit: number;
  /** The deleted as well. */
  readonly includeDeleted: boolean;
  readonly include: readonly ContentInclude[];
  readonly total: boolean;
  /** Whether the descriptions are wanted. */
  readonly description: boolean;
}

/**
 * A page of lessons without their bodies. Staff see all of the organization, others what is live, as it is live. However
 * many there are, and however many on the page, it takes as many statements. Refuses with `forbidden` who asks for deleted
 * ones without being an admin.
 */
export async function listContents(
  deps: Deps,
  actor: Actor,
  given: ContentFilter,
  { order, from, limit, includeDeleted, include, total, description }: ListOptions,
): Promise<ContentList> {
  // Who may bring back whosever it is.
  if (includeDeleted && !mayAct(actor, "POST /v1/contents/:id/restore", null)) throw forbidden();
  const filter = { ...given, languages: given.languages?.map(languageCode) ?? null };
  const scope: Scope = {
    organizationId: actor.organizationId,
    audience: isStaff(actor.role) ? "staff" : "readers",
    includeDeleted,
  };
  const words = {
    statuses: CONTENT_STATUSES,
    contentTypes: CONTENT_TYPES,
    difficultyLevels: DIFFICULTY_LEVELS,
  };
  return withTenant(
    deps.db,
    actor,
    async (tx) => {
      const found = await rows.listed(tx, scope, words, filter, order, from, limit + 1);
      const ids = found.map(({ id }) => id);
      // Sent together: one more round trip, whatever was asked for.
      const [summaries, included, count] = await Promise.all([
        rows.summaries(tx, scope, ids, { description }),
        includedIn(tx, actor.organizationId, found, include),
        total ? rows.count(tx, scope, filter) : null,
      ]);
      const items = found.flatMap(({ id, key }) => {
        const content = summaries.get(id);
        // Taken away since the page was found.
        return content === undefined ? [] : [{ content, included: included(id), position: { key, id } }];
      });
      return { items, total: count };
    },
    { readOnly: true },
  );
}

export interface ReadOptions {
  /** Which text, for staff. */
  readonly view: ContentView | undefined;
  /** Also when it is deleted. */
  readonly includeDeleted: boolean;
  readonly include: readonly ContentInclude[];
  /** The body as HTML as well. */
  readonly html: boolean;
}

export interface ReadContent {
  readonly content: Content;
  readonly included: Included;
  readonly html: string | null;
}

/**
 * A lesson, with what should come along. The lesson may come from the cache; what comes along never does, since it changes
 * without the lesson. Refuses as `getContent` does, or as `getContentEvenDeleted` where a deleted one is asked for as well;
 * of those nothing is live, and asking for that with them is an `invalid_request`.
 */
export async function readContent(
  deps: Deps,
  actor: Actor,
  contentId: string,
  { view, includeDeleted, include, html }: ReadOptions,
): Promise<ReadContent> {
  if (includeDeleted && view === "live") {
    throw invalidRequest({
      errors: [{ pointer: "#/query/view", detail: "is not taken with includeDeleted" }],
    });
  }
  const content = includeDeleted
    ? await getContentEvenDeleted(deps, actor, contentId)
    : await getContent(deps, actor, contentId, view);
  const found = [{ id: content.id, authorId: content.createdById }];
  const included =
    include.length === 0
      ? () => ({})
      : await withTenant(deps.db, actor, (tx) => includedIn(tx, actor.organizationId, found, include), {
          readOnly: true,
        });
  return {
    content,
    included: included(content.id),
    html: html ? await renderContent(deps, actor, content) : null,
  };
}

/**
 * The text of a lesson at a moment, as `getContentAsOf`. Refuses with `invalid_request` what else was asked for (`besides`,
 * by the names of the query): of the past the text is kept, and it is given whole.
 */
export async function readContentAsOf(
  deps: Deps,
  actor: Actor,
  contentId: string,
  at: Date,
  view: ContentView | undefined,
  besides: readonly string[],
): Promise<ContentAsOf> {
  if (besides.length > 0) {
    const detail = "is not taken with asOf";
    throw invalidRequest({ errors: besides.map((name) => ({ pointer: `#/query/${name}`, detail })) });
  }
  return getContentAsOf(deps, actor, contentId, at, view ?? "working");
}

/** What comes along with some lessons, in a query for each kind of it. */
async function includedIn(
  tx: TenantTx,
  organizationId: string,
  found: readonly { readonly id: string; readonly authorId: string | null }[],
  include: readonly ContentInclude[],
): Promise<(contentId: string) => Included> {
  const ids = found.map(({ id }) => id);
  const authorOf = new Map(found.map(({ id, authorId }) => [id, authorId]));
  const authorIds = [...new Set(authorOf.values())].filter((id) => id !== null);
  const [authors, ratings, comments, attachments] = await Promise.all([
    include.includes("author") ? listAuthorsIn(tx, organizationId, authorIds) : null,
    include.includes("ratings") ? ratingsOfIn(tx, organizationId, ids) : null,
    include.includes("commentCount") ? countCommentsOfIn(tx, organizationId, ids) : null,
    include.includes("attachments") ? listAttachmentsOfIn(tx, organizationId, ids) : null,
  ]);
  return (contentId) => ({
    ...(authors === null ? {} : { author: authors.get(authorOf.get(contentId) ?? "") ?? null }),
    ...(ratings === null ? {} : { ratings: ratings.get(contentId) ?? NOT_RATED }),
    ...(comments === null ? {} : { commentCount: comments.get(contentId) ?? 0 }),
    ...(attachments === null ? {} : { attachments: attachments.get(contentId) ?? [] }),
  });
}

const NOT_RATED: RatingSums = { average: null, count: 0, distribution: [0, 0, 0, 0, 0] };
