-- The lessons that the rarest of the given filters leaves, when they are no more than :most; no row when each leaves more,
-- or none was given. Each filter is looked up in an index of its own, and no further than it takes to know that.
-- Looked up lateral: a join the planner would turn round, and read every lesson to find out that few match.
-- returns: maybe
-- scope: tenant
-- nullable: :statuses, :content_types, :difficulty_levels, :languages, :all_tags, :any_tags, :author_ids, :has_author, :source_id, :has_source_id, :slug, :created_from, :created_before, :updated_from, :updated_before, :published_from, :published_before
-- not null: content_ids
with found as materialized (
  select array(
    select l.content_id from app.content_listing l
    where l.organization_id = :organization_id and l.audience = :audience and l.source_id = :source_id
    order by l.content_id
    limit :most::int + 1
  ) as content_ids
  where :source_id::text is not null
  union all
  select array(
    select l.content_id from app.content_listing l
    where l.organization_id = :organization_id and l.audience = :audience and l.source_id is null
    order by l.source_id, l.content_id
    limit :most::int + 1
  ) as content_ids
  where not :has_source_id::boolean
  union all
  select array(
    select l.content_id from app.content_listing l
    where l.organization_id = :organization_id and l.audience = :audience and l.slug = :slug
    order by l.content_id
    limit :most::int + 1
  ) as content_ids
  where :slug::text is not null
  union all
  select array(
    select l.content_id from app.content_listing l
    where l.organization_id = :organization_id and l.audience = :audience and l.author_id is null
    order by l.author_id, l.content_id
    limit :most::int + 1
  ) as content_ids
  where not :has_author::boolean
  union all
  select array(
    select each.content_id from unnest(:author_ids::uuid[]) author (id)
    cross join lateral (
      select l.content_id from app.content_listing l
      where l.organization_id = :organization_id and l.audience = :audience and l.author_id = author.id
      order by l.content_id
      limit :most::int + 1
    ) each
    limit :most::int + 1
  ) as content_ids
  where :author_ids::uuid[] is not null
  union all
  select array(
    select each.content_id from unnest(:any_tags::text[]) wanted (tag)
    cross join lateral (
      select t.content_id from app.content_listing_tag t
      where t.organization_id = :organization_id and t.audience = :audience and t.tag = wanted.tag
      order by t.content_id
      limit :most::int + 1
    ) each
    limit :most::int + 1
  ) as content_ids
  where :any_tags::text[] is not null
  union all
  select array(
    select t.content_id from app.content_listing_tag t
    where t.organization_id = :organization_id and t.audience = :audience and t.tag = wanted.tag
    order by t.content_id
    limit :most::int + 1
  )
  from unnest(:all_tags::text[]) wanted (tag)
  union all
  select array(
    select each.content_id from unnest(:lives::boolean[]) wanted (live)
    cross join lateral (
      select l.content_id from app.content_listing l
      where l.organization_id = :organization_id and l.audience = :audience and l.live = wanted.live
        and l.created_at >= case when :created_from::timestamptz is null then '-infinity' else :created_from::timestamptz end
        and l.created_at < case when :created_before::timestamptz is null then 'infinity' else :created_before::timestamptz end
      order by l.created_at, l.content_id
      limit :most::int + 1
    ) each
    limit :most::int + 1
  ) as content_ids
  where coalesce(:created_from::timestamptz, :created_before::timestamptz) is not null
  union all
  select array(
    select each.content_id from unnest(:lives::boolean[]) wanted (live)
    cross join lateral (
      select l.content_id from app.content_listing l
      where l.organization_id = :organization_id and l.audience = :audience and l.live = wanted.live
        and l.changed_at >= case when :updated_from::timestamptz is null then '-infinity' else :updated_from::timestamptz end
        and l.changed_at < case when :updated_before::timestamptz is null then 'infinity' else :updated_before::timestamptz end
      order by l.changed_at, l.content_id
      limit :most::int + 1
    ) each
    limit :most::int + 1
  ) as content_ids
  where coalesce(:updated_from::timestamptz, :updated_before::timestamptz) is not null
  union all
  select array(
    select each.content_id from unnest(:lives::boolean[]) wanted (live)
    cross join lateral (
      select l.content_id from app.content_listing l
      where l.organization_id = :organization_id and l.audience = :audience and l.live = wanted.live
        and l.published_at >= case when :published_from::timestamptz is null then '-infinity' else :published_from::timestamptz end
        and l.published_at < case when :published_before::timestamptz is null then 'infinity' else :published_before::timestamptz end
        and l.published_at > 'epoch'
      order by l.published_at, l.content_id
      limit :most::int + 1
    ) each
    limit :most::int + 1
  ) as content_ids
  where coalesce(:published_from::timestamptz, :published_before::timestamptz) is not null
  union all
  select array(
    select each.content_id from unnest(:lives::boolean[]) wanted (live)
    cross join unnest(:each_status::text[]) s (status)
    cross join unnest(:each_content_type::text[]) k (content_type)
    cross join unnest(:each_difficulty_level::text[]) d (difficulty_level)
    cross join lateral (
      select l.content_id from app.content_listing l
      where l.organization_id = :organization_id and l.audience = :audience and l.live = wanted.live and l.status = s.status
        and l.content_type = k.content_type and l.difficulty_level = d.difficulty_level
      order by l.language, l.content_id
      limit :most::int + 1
    ) each
    limit :most::int + 1
  ) as content_ids
  where coalesce(:statuses::text[], :content_types::text[], :difficulty_levels::text[]) is not null
    and :languages::text[] is null
  union all
  select array(
    select each.content_id from unnest(:lives::boolean[]) wanted (live)
    cross join unnest(:each_status::text[]) s (status)
    cross join unnest(:each_content_type::text[]) k (content_type)
    cross join unnest(:each_difficulty_level::text[]) d (difficulty_level)
    cross join unnest(:languages::text[]) g (language)
    cross join lateral (
      select l.content_id from app.content_listing l
      where l.organization_id = :organization_id and l.audience = :audience and l.live = wanted.live and l.status = s.status
        and l.content_type = k.content_type and l.difficulty_level = d.difficulty_level and l.language = g.language
      order by l.content_id
      limit :most::int + 1
    ) each
    limit :most::int + 1
  ) as content_ids
  where :languages::text[] is not null
)
select content_ids
from found
where cardinality(content_ids) <= :most::int
order by cardinality(content_ids)
limit 1
