import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { refusal } from "../errors.ts";
import type { Keys } from "../keys.ts";
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
      description: "`nextCursor` of the page before; the filters must be the same.",
    }),
  ),
};

export interface Page<K> {
  readonly limit: number;
  /** The key to continue after, exactly as `answer` was given it; null on the first page. */
  readonly after: K | null;
  /** `page.answer(rows.map(view), more ? keyOf(last) : null)`. */
  answer<Item>(items: readonly Item[], next: K | null): Answer<{ items: Item[]; nextCursor: string | null }>;
  /** The page of what a door found when it was asked for one row more than `limit`: that one only says there is more. */
  of<Row, Item>(
    found: readonly Row[],
    view: (row: Row) => Item,
    keyOf: (row: Row) => K,
  ): Answer<{ items: Item[]; nextCursor: string | null }>;
}

export interface PageContext {
  readonly keys: Keys;
  /** What the cursor is bound to: the endpoint, the organization and every filter. */
  readonly list: readonly string[];
  readonly limit: number;
  readonly cursor: string | undefined;
  /** Path and filters of the request, without `limit` and `cursor`. */
  readonly path: string;
  readonly filters: readonly (readonly [string, string])[];
}

/**
 * Opens the page that a request asks for. Refuses with `invalid_cursor` a cursor that was not made here, or for
 * another endpoint, organization or set of filters.
 */
export function openPage<S extends TSchema>(key: TypeCheck<S>, context: PageContext): Page<Static<S>> {
  const { keys, list, limit, cursor } = context;
  const binding = Buffer.from(keys.mac("cursor", ...list))
    .toString("base64url")
    .slice(0, 16);
  let after: Static<S> | null = null;
  if (cursor !== undefined) {
    const payload = keys.verify("cursor", cursor);
    if (payload === null || !payload.startsWith(`${binding} `)) throw invalidCursor();
    const value: unknown = JSON.parse(payload.slice(binding.length + 1));
    if (!key.Check(value)) throw invalidCursor();
    after = value;
  }
  const page: Page<Static<S>> = {
    limit,
    after,
    of: (found, view, keyOf) => {
      const rows = found.slice(0, limit);
      const last = rows.at(-1);
      return page.answer(rows.map(view), found.length > limit && last !== undefined ? keyOf(last) : null);
    },
    answer: (items, next) => {
      const body = { items: [...items], nextCursor: null as string | null };
      if (next === null) return answer(body);
      const nextCursor = keys.sign("cursor", `${binding} ${JSON.stringify(next)}`);
      const search = new URLSearchParams([
        ...context.filters.map(([name, value]): [string, string] => [name, value]),
        ["limit", String(limit)],
        ["cursor", nextCursor],
      ]);
      return answer(
        { ...body, nextCursor },
        { headers: { link: `<${context.path}?${search}>; rel="next"` } },
      );
    },
  };
  return page;
}

export function compileKey<S extends TSchema>(schema: S): TypeCheck<S> {
  return TypeCompiler.Compile(schema);
}

export type { PageBody };
