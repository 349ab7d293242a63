-- The published lessons that match a query, best first, each with a snippet of its body. The narrow function finds
-- candidates by the index; app.publication, under its policy, has the last word. U+E000 and U+E001 mark the matches: the
-- text around them is not HTML yet, and no text may carry the marks itself. A page of snippets looks through two million
-- characters at most, which takes half a second: a page of a hundred long lessons would outlast the deadline.
-- returns: many
-- scope: tenant
-- nullable: :language, :after_score, :after_id
-- not null: score, snippet
select
  page.content_id, page.source_id, page.title, page.slug, page.description, page.content_type, page.difficulty_level,
  page.language, page.tags, page.published_at, page.score,
  app.typographic_punctuation(
    ts_headline(
      app.search_configuration(page.language),
      app.plain_punctuation(
        left(case when page.body = '' then page.description else page.body end, least(100000, 2000000 / :limit::int))
      ),
      websearch_to_tsquery(app.search_configuration(page.language), app.search_text(:query)),
      U&'StartSel=\E000, StopSel=\E001, MaxFragments=2, MaxWords=30, MinWords=12, FragmentDelimiter=" … "'
    )
  ) as snippet
from (
  select p.*, f.score
  from app.search_contents(:query, :language, :after_score::real, :after_id::uuid, :limit::int) f
  join app.publication p on p.organization_id = :organization_id and p.content_id = f.content_id
  where p.deleted_at is null
  order by f.score desc, f.content_id desc
  limit :limit::int
) page
order by page.score desc, page.content_id desc
