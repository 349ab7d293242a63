-- Lessons by since when readers have seen something of them; what was never published comes first.
-- Upward or downward, from a place in the order: backward through a list is its other direction. Live and deleted
-- lessons are each read in their order; only what may come on the page is put together. One bound on each side: of two
-- the scan might start at the wider one.
-- returns: many
-- scope: tenant
-- nullable: :statuses, :content_types, :difficulty_levels, :languages, :all_tags, :any_tags, :author_ids, :has_author, :source_id, :has_source_id, :slug, :created_from, :created_before, :updated_from, :updated_before, :published_from, :published_before, :key, :key_id
-- not null: content_id, key
with matching as not materialized (
  select content_id, author_id, live, published_at
  from app.content_listing
  where organization_id = :organization_id and audience = :audience
    and (:statuses::text[] is null or status = any(:statuses::text[]))
    and (:content_types::text[] is null or content_type = any(:content_types::text[]))
    and (:difficulty_levels::text[] is null or difficulty_level = any(:difficulty_levels::text[]))
    and (:languages::text[] is null or language = any(:languages::text[]))
    and (:all_tags::text[] is null or tags @> :all_tags::text[])
    and (:any_tags::text[] is null or tags && :any_tags::text[])
    and (:author_ids::uuid[] is null or author_id = any(:author_ids::uuid[]))
    and (:has_author::boolean is null or (author_id is not null) = :has_author)
    and (:source_id::text is null or source_id = :source_id)
    and (:has_source_id::boolean is null or (source_id is not null) = :has_source_id)
    and (:slug::text is null or slug = :slug)
    and (:created_from::timestamptz is null or created_at >= :created_from)
    and (:created_before::timestamptz is null or created_at < :created_before)
    and (:updated_from::timestamptz is null or changed_at >= :updated_from)
    and (:updated_before::timestamptz is null or changed_at < :updated_before)
    and (:published_before::timestamptz is null or published_at > 'epoch')
)
select page.content_id, page.author_id, page.published_at::text as key
from unnest(:lives::boolean[]) wanted (live)
cross join lateral (
  (
    select * from matching m
    where not :descending::boolean and m.live = wanted.live
      and (m.published_at, m.content_id) > (
        case
          when :key::text is not null then :key::text::timestamptz
          when :published_from::timestamptz is not null then :published_from::timestamptz
          when :published_before::timestamptz is not null then '1970-01-01 00:00:00.000001Z'::timestamptz
          else '-infinity'::timestamptz
        end,
        case when :key_id::uuid is null then '00000000-0000-0000-0000-000000000000'::uuid else :key_id::uuid end
      )
      and m.published_at < case when :published_before::timestamptz is null then 'infinity' else :published_before::timestamptz end
    order by m.published_at, m.content_id
    limit :limit::int
  )
  union all
  (
    select * from matching m
    where :descending::boolean and m.live = wanted.live
      and (m.published_at, m.content_id) < (
        case
          when :key::text is not null then :key::text::timestamptz
          when :published_before::timestamptz is not null then :published_before::timestamptz
          else 'infinity'::timestamptz
        end,
        case when :key_id::uuid is null then '00000000-0000-0000-0000-000000000000'::uuid else :key_id::uuid end
      )
      and m.published_at >= case when :published_from::timestamptz is null then '-infinity' else :published_from::timestamptz end
    order by m.published_at desc, m.content_id desc
    limit :limit::int
  )
) page
order by
  case when :descending::boolean then page.published_at end desc,
  case when :descending::boolean then page.content_id end desc,
  page.published_at, page.content_id
limit :limit::int
