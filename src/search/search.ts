/** Finding lessons by their words, and keeping the index of those words. */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { languageCode } from "../languages.ts";
import type { Match } from "./repository.ts";
import * as rows from "./repository.ts";

export interface FoundContent extends Omit<Match, "snippet"> {
  /** Safe HTML: text, with `<mark>` around what matched. */
  readonly snippet: string;
}

export interface SearchInput {
  readonly query: string;
  /** Only lessons in this language; without it each is searched in its own. */
  readonly language: string | null;
  readonly after: { readonly score: number; readonly id: string } | null;
  readonly limit: number;
}

/**
 * The organization's published lessons that match, best first, one more than `limit` when there are more. All words
 * must occur; `"quoted phrases"`, `or` and `-word` work. A query of nothing but stop words finds nothing.
 */
export async function searchContents(
  deps: Deps,
  actor: Actor,
  input: SearchInput,
): Promise<readonly FoundContent[]> {
  const language = input.language === null ? null : languageCode(input.language);
  const matches = await readTenant(deps.db, actor, (tx) =>
    rows.listMatches(tx, actor.organizationId, {
      ...input,
      query: withoutLooseDashes(input.query.replace(/[“”„«»]/g, '"')),
      language,
      limit: input.limit + 1,
    }),
  );
  return matches.map((match) => ({ ...match, snippet: safeSnippet(match.snippet) }));
}

/**
 * A dash says "not" only right before a word or a phrase. To PostgreSQL it does so across spaces, so that `a - b` would
 * leave out b, and dashes in a row add up to more than its parser can hold.
 */
function withoutLooseDashes(query: string): string {
  return query.replace(/(?<![\p{L}\p{N}])-+(?![\p{L}\p{N}"])/gu, " ").replace(/-"\s*("|$)/g, " ");
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "\ue000": "<mark>",
  "\ue001": "</mark>",
};

/** Escapes first and marks in the same pass: what stands in the lesson can never become a tag. */
export function safeSnippet(marked: string): string {
  return marked.replace(/[&<>"'\ue000\ue001]/g, (character) => ESCAPES[character] ?? "");
}

/**
 * Brings these lessons' words in the index to what they are now: published ones in, all others out. An older version
 * never overwrites a newer one. Inside a transaction.
 */
export async function indexDocumentsIn(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
): Promise<void> {
  await rows.upsertDocuments(tx, organizationId, contentIds);
  await rows.deleteDocuments(tx, organizationId, contentIds);
}

/** Takes lessons that are no longer published out of the index, in the transaction that withdraws them. */
export async function removeDocumentsIn(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
): Promise<void> {
  await rows.deleteDocuments(tx, organizationId, contentIds);
}

/** Every published lesson's id, page by page. For the job that reindexes them all. */
export async function* publishedContents(
  deps: Pick<Deps, "db">,
  organizationId: string,
  pageSize: number,
): AsyncGenerator<readonly string[]> {
  let afterId: string | null = null;
  for (;;) {
    const after: string | null = afterId;
    const page: readonly string[] = await withTenant(
      deps.db,
      { organizationId, userId: null },
      (tx) => rows.listPublishedIds(tx, organizationId, after, pageSize),
      { readOnly: true },
    );
    if (page.length === 0) return;
    yield page;
    afterId = page.at(-1) ?? null;
  }
}
