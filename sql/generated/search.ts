// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, many } from "../tx.ts";

export interface DeleteDocumentsParams {
  readonly organizationId: string;
  readonly contentIds: readonly string[];
}

const deleteDocumentsStatement: Statement = {
  name: "search/delete_documents",
  text: `delete /* search/delete_documents */ from app.content_search s
where s.organization_id = $1
  and s.content_id = any($2::uuid[])
  and not exists (
    select from app.publication p
    where p.organization_id = s.organization_id and p.content_id = s.content_id and p.deleted_at is null
  )`,
};

/** Takes lessons out of the index that readers no longer see. */
export function deleteDocuments(tx: TenantTx, params: DeleteDocumentsParams): Promise<number> {
  return count(tx, deleteDocumentsStatement, [params.organizationId, params.contentIds]);
}

export interface ListMatchesParams {
  readonly limit: number;
  readonly query: string;
  readonly language: string | null;
  readonly afterScore: number | null;
  readonly afterId: string | null;
  readonly organizationId: string;
}

export interface ListMatchesRow {
  readonly contentId: string;
  readonly sourceId: string | null;
  readonly title: string;
  readonly slug: string;
  readonly description: string;
  readonly contentType: "lesson" | "tutorial" | "exercise" | "quiz" | "project" | "reference";
  readonly difficultyLevel: "beginner" | "intermediate" | "advanced" | "expert";
  readonly language: string;
  readonly tags: readonly string[];
  readonly publishedAt: Date;
  readonly score: number;
  readonly snippet: string;
}

const listMatchesStatement: Statement = {
  name: "search/list_matches",
  text: `select /* search/list_matches */
  page.content_id, page.source_id, page.title, page.slug, page.description, page.content_type, page.difficulty_level,
  page.language, page.tags, page.published_at, page.score,
  app.typographic_punctuation(
    ts_headline(
      app.search_configuration(page.language),
      app.plain_punctuation(
        left(case when page.body = '' then page.description else page.body end, least(100000, 2000000 / $1::int))
      ),
      websearch_to_tsquery(app.search_configuration(page.language), app.search_text($2)),
      U&'StartSel=\\E000, StopSel=\\E001, MaxFragments=2, MaxWords=30, MinWords=12, FragmentDelimiter=" … "'
    )
  ) as snippet
from (
  select p.*, f.score
  from app.search_contents($2, $3, $4::real, $5::uuid, $1::int) f
  join app.publication p on p.organization_id = $6 and p.content_id = f.content_id
  where p.deleted_at is null
  order by f.score desc, f.content_id desc
  limit $1::int
) page
order by page.score desc, page.content_id desc`,
};

/**
 * The published lessons that match a query, best first, each with a snippet of its body. The narrow function finds
 * candidates by the index; app.publication, under its policy, has the last word. U+E000 and U+E001 mark the matches: the
 * text around them is not HTML yet, and no text may carry the marks itself. A page of snippets looks through two million
 * characters at most, which takes half a second: a page of a hundred long lessons would outlast the deadline.
 */
export function listMatches(tx: TenantTx, params: ListMatchesParams): Promise<readonly ListMatchesRow[]> {
  return many<ListMatchesRow>(tx, listMatchesStatement, [
    params.limit,
    params.query,
    params.language,
    params.afterScore,
    params.afterId,
    params.organizationId,
  ]);
}

export interface ListPublishedIdsParams {
  readonly organizationId: string;
  readonly afterId: string | null;
  readonly limit: number;
}

export interface ListPublishedIdsRow {
  readonly contentId: string;
}

const listPublishedIdsStatement: Statement = {
  name: "search/list_published_ids",
  text: `select /* search/list_published_ids */ content_id from app.publication
where organization_id = $1 and deleted_at is null
  and ($2::uuid is null or content_id > $2)
order by content_id
limit $3::int`,
};

/** Lessons that readers see, in the order of their ids, a page at a time. */
export function listPublishedIds(
  tx: TenantTx,
  params: ListPublishedIdsParams,
): Promise<readonly ListPublishedIdsRow[]> {
  return many<ListPublishedIdsRow>(tx, listPublishedIdsStatement, [
    params.organizationId,
    params.afterId,
    params.limit,
  ]);
}

export interface UpsertDocumentsParams {
  readonly organizationId: string;
  readonly contentIds: readonly string[];
}

const upsertDocumentsStatement: Statement = {
  name: "search/upsert_documents",
  text: `insert /* search/upsert_documents */ into app.content_search as s (organization_id, content_id, version, language, document)
select
  p.organization_id, p.content_id, p.version, p.language,
  setweight(to_tsvector(app.search_configuration(p.language), app.search_text(p.title)), 'A')
    || setweight(to_tsvector(app.search_configuration(p.language), app.search_text(array_to_string(p.tags, ' '))), 'B')
    || setweight(to_tsvector(app.search_configuration(p.language), app.search_text(p.description)), 'C')
    || setweight(to_tsvector(app.search_configuration(p.language), app.search_text(left(p.body, 100000))), 'D')
from app.publication p
where p.organization_id = $1
  and p.content_id = any($2::uuid[])
  and p.deleted_at is null
order by p.content_id
for share of p
on conflict (organization_id, content_id) do update
set version = excluded.version, language = excluded.language, document = excluded.document
where excluded.version >= s.version`,
};

/**
 * Indexes the words of these lessons as readers see them now. An older version never overwrites a newer one; the share lock
 * keeps a lesson from being withdrawn between being read here and being indexed. A tsvector holds at most 1 MB, of which a
 * character may take 8 bytes (`я-ю`, three words of it): 100,000 characters of a body always fit, a longer one is found by
 * its beginning.
 */
export function upsertDocuments(tx: TenantTx, params: UpsertDocumentsParams): Promise<number> {
  return count(tx, upsertDocumentsStatement, [params.organizationId, params.contentIds]);
}
