/** Which lessons are on a page, and what a list shows of them. */
import * as sql from "#sql/content-reading";
import type { TenantTx } from "../../sql/tx.ts";
import { FEW, type From } from "../lists.ts";
import type { ContentSummary } from "./content-reading.ts";

/** A `-` in front turns an order round. */
export const CONTENT_ORDERS = [
  "-createdAt",
  "createdAt",
  "-updatedAt",
  "updatedAt",
  "-publishedAt",
  "publishedAt",
  "title",
  "-title",
] as const;
export type ContentOrder = (typeof CONTENT_ORDERS)[number];

/** Null: whatever it is. Of several values any will do, but of `allTags`. */
export interface ContentFilter {
  readonly statuses: readonly ContentSummary["status"][] | null;
  readonly contentTypes: readonly ContentSummary["contentType"][] | null;
  readonly difficultyLevels: readonly ContentSummary["difficultyLevel"][] | null;
  readonly languages: readonly string[] | null;
  readonly allTags: readonly string[] | null;
  readonly anyTags: readonly string[] | null;
  readonly authorIds: readonly string[] | null;
  readonly hasAuthor: boolean | null;
  readonly sourceId: string | null;
  readonly hasSourceId: boolean | null;
  readonly slug: string | null;
  readonly createdFrom: Date | null;
  readonly createdBefore: Date | null;
  readonly updatedFrom: Date | null;
  readonly updatedBefore: Date | null;
  readonly publishedFrom: Date | null;
  readonly publishedBefore: Date | null;
}

/** Whose list: of the working copies, or of what is live. */
export type Audience = "staff" | "readers";

/** A place in an order: what a lesson is ordered by, as text, and its id. */
export interface ContentPosition {
  readonly key: string;
  readonly id: string;
}

export interface Listed {
  readonly id: string;
  readonly authorId: string | null;
  readonly key: string;
}

/** What is asked of both lists and counts. */
export interface Scope {
  readonly organizationId: string;
  readonly audience: Audience;
  readonly includeDeleted: boolean;
}

/** Every word that there is, for looking up together what depends on several of them. */
export interface Words {
  readonly statuses: readonly string[];
  readonly contentTypes: readonly string[];
  readonly difficultyLevels: readonly string[];
}

const asked = ({ organizationId, audience, includeDeleted }: Scope, filter: ContentFilter) => ({
  organizationId,
  audience,
  lives: includeDeleted ? [true, false] : [true],
  ...filter,
});

const WALKS = {
  createdAt: sql.listByCreated,
  updatedAt: sql.listByChanged,
  publishedAt: sql.listByPublished,
  title: sql.listByTitle,
} as const;
const SORT_KEYS = {
  createdAt: "created",
  updatedAt: "changed",
  publishedAt: "published",
  title: "title",
} as const;

/**
 * The lessons of one page in their order, at most `limit`. Where a filter leaves few lessons of the organization, those
 * are read and sorted; otherwise the index of the order is followed until the page is full.
 */
export async function listed(
  tx: TenantTx,
  scope: Scope,
  words: Words,
  filter: ContentFilter,
  order: ContentOrder,
  from: From<ContentPosition> | null,
  limit: number,
): Promise<readonly Listed[]> {
  const downward = order.startsWith("-");
  const by = (downward ? order.slice(1) : order) as keyof typeof WALKS;
  const params = {
    ...asked(scope, filter),
    descending: downward !== (from?.backward ?? false),
    key: from?.key.key ?? null,
    keyId: from?.key.id ?? null,
    limit,
  };
  const few = narrows(filter)
    ? await sql.findFew(tx, {
        ...asked(scope, filter),
        eachStatus: filter.statuses ?? words.statuses,
        eachContentType: filter.contentTypes ?? words.contentTypes,
        eachDifficultyLevel: filter.difficultyLevels ?? words.difficultyLevels,
        most: FEW,
      })
    : null;
  const rows =
    few === null
      ? await WALKS[by](tx, params)
      : await sql.listFew(tx, { ...params, contentIds: few.contentIds, sortKey: SORT_KEYS[by] });
  const found = rows.map(({ contentId: id, authorId, key }) => ({ id, authorId, key }));
  return from?.backward === true ? found.reverse() : found;
}

const narrows = (filter: ContentFilter): boolean => Object.values(filter).some((value) => value !== null);

export const count = (tx: TenantTx, scope: Scope, filter: ContentFilter): Promise<number> =>
  sql.countListed(tx, asked(scope, filter));

/** What a list shows of these lessons, by their ids. `description`: whether it is wanted; it may be long. */
export async function summaries(
  tx: TenantTx,
  { organizationId, audience }: Scope,
  contentIds: readonly string[],
  { description: withDescription }: { readonly description: boolean },
): Promise<ReadonlyMap<string, ContentSummary>> {
  const wanted = { organizationId, contentIds, withDescription };
  if (audience === "staff") {
    const rows = await sql.listSummaries(tx, wanted);
    return new Map(rows.map(({ contentId: id, ...row }) => [id, { id, ...row }]));
  }
  const rows = await sql.listPublishedSummaries(tx, wanted);
  return new Map(
    rows.map(({ contentId: id, number, ...row }) => [
      id,
      {
        id,
        ...row,
        status: "published",
        latestNumber: number,
        liveNumber: number,
        publishAt: null,
        unpublishAt: null,
        deletedAt: null,
      },
    ]),
  );
}
