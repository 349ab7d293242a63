import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { refusal } from "../errors.ts";
import type { Keys } from "../keys.ts";
import type { From } from "../lists.ts";
import { type Answer, answer } from "./endpoint.ts";
import type { PageBody } from "./wire.ts";

export const PAGE_DEFAULT = 20;
export const PAGE_MAX = 100;

export const invalidCursor = refusal(
  "invalid",
  "invalid_cursor",
  "The cursor does not belong to this list; start again without it",
);

/** What paging adds to a list's query. */
export const pageQuery = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: PAGE_MAX,
      default: PAGE_DEFAULT,
      description: `How many items, at most ${PAGE_MAX}.`,
    }),
  ),
  cursor: Type.Optional(
    Type.String({
      maxLength: 1024,
      description:
        "`nextCursor` or `previousCursor` of another page of this list; filters and order must be the same.",
    }),
  ),
};

export interface Page<K> {
  readonly limit: number;
  /** The key to continue after, exactly as `answer` was given it; null on the first page. */
  readonly after: K | null;
  /** Of a list that goes both ways (`page.around`): where the page begins; null on the first page. */
  readonly from: From<K> | null;
  /** `page.answer(rows.map(view), more ? keyOf(last) : null)`. */
  answer<Item>(items: readonly Item[], next: K | null): Answer<{ items: Item[]; nextCursor: string | null }>;
  /** The page of what a door found when it was asked for one row more than `limit`: that one only says there is more. */
  of<Row, Item>(
    found: readonly Row[],
    view: (row: Row) => Item,
    keyOf: (row: Row) => K,
  ): Answer<{ items: Item[]; nextCursor: string | null }>;
  /**
   * As `of`, for a list that can be turned back (`bothWays`). The rows stand in the order of the list also when the page
   * was asked for backward: the row too many is then the first.
   */
  around<Row, Item>(
    found: readonly Row[],
    view: (row: Row) => Item,
    keyOf: (row: Row) => K,
  ): Answer<{ items: Item[]; nextCursor: string | null; previousCursor: string | null }>;
}

export interface PageContext {
  readonly keys: Keys;
  /** What the cursor is bound to: the endpoint, who asks as what, the order and every filter. */
  readonly list: readonly string[];
  readonly limit: number;
  readonly cursor: string | undefined;
  /** Path and filters of the request, without `limit` and `cursor`. */
  readonly path: string;
  readonly filters: readonly (readonly [string, string])[];
}

/** What the shape of the answer may change without the list being another one. */
export const PRESENTATION: readonly string[] = ["limit", "cursor", "fields", "include", "total"];

/**
 * Opens the page that a request asks for. Refuses with `invalid_cursor` a cursor that was not made here, or for
 * another endpoint, organization, role, order or set of filters.
 */
export function openPage<S extends TSchema>(key: TypeCheck<S>, context: PageContext): Page<Static<S>> {
  const { keys, list, limit, cursor } = context;
  const binding = Buffer.from(keys.mac("cursor", ...list))
    .toString("base64url")
    .slice(0, 16);
  let from: From<Static<S>> | null = null;
  if (cursor !== undefined) {
    const [bound, way, text] = partsOf(keys.verify("cursor", cursor) ?? "");
    if (bound !== binding || (way !== "after" && way !== "before")) throw invalidCursor();
    const value: unknown = JSON.parse(text);
    if (!key.Check(value)) throw invalidCursor();
    from = { key: value, backward: way === "before" };
  }
  const cursorAt = (way: "after" | "before", at: Static<S> | null): string | null =>
    at === null ? null : keys.sign("cursor", `${binding} ${way} ${JSON.stringify(at)}`);
  const link = (to: string | null, rel: string): string[] => {
    if (to === null) return [];
    const search = new URLSearchParams([
      ...context.filters.map(([name, value]): [string, string] => [name, value]),
      ["limit", String(limit)],
      ["cursor", to],
    ]);
    return [`<${context.path}?${search}>; rel="${rel}"`];
  };
  const linked = <B extends object>(body: B, links: readonly string[]): Answer<B> =>
    answer(body, links.length === 0 ? {} : { headers: { link: links.join(", ") } });

  const page: Page<Static<S>> = {
    limit,
    after: from === null ? null : from.key,
    from,
    of: (found, view, keyOf) => {
      const rows = found.slice(0, limit);
      const last = rows.at(-1);
      return page.answer(rows.map(view), found.length > limit && last !== undefined ? keyOf(last) : null);
    },
    answer: (items, next) => {
      const nextCursor = cursorAt("after", next);
      return linked({ items: [...items], nextCursor }, link(nextCursor, "next"));
    },
    around: (found, view, keyOf) => {
      const backward = from?.backward ?? false;
      const more = found.length > limit;
      const rows = backward && more ? found.slice(1) : found.slice(0, limit);
      const [first, last] = [rows[0], rows.at(-1)];
      // On the side that the page was entered from there was a row when the cursor was made.
      const nextCursor = cursorAt("after", last !== undefined && (backward || more) ? keyOf(last) : null);
      const previousCursor = cursorAt(
        "before",
        first !== undefined && (backward ? more : from !== null) ? keyOf(first) : null,
      );
      return linked({ items: rows.map(view), nextCursor, previousCursor }, [
        ...link(nextCursor, "next"),
        ...link(previousCursor, "prev"),
      ]);
    },
  };
  return page;
}

/** `binding way key`: only the key may hold spaces. */
function partsOf(payload: string): readonly [string, string, string] {
  const [bound = "", way = ""] = payload.split(" ", 2);
  return [bound, way, payload.slice(bound.length + way.length + 2)];
}

export function compileKey<S extends TSchema>(schema: S): TypeCheck<S> {
  return TypeCompiler.Compile(schema);
}

export type { PageBody };
