-- Of a few lessons, known beforehand, those that match, in any of the orders: they are read one by one and sorted.
-- returns: many
-- scope: tenant
-- nullable: :statuses, :content_types, :difficulty_levels, :languages, :all_tags, :any_tags, :author_ids, :has_author, :source_id, :has_source_id, :slug, :created_from, :created_before, :updated_from, :updated_before, :published_from, :published_before, :key, :key_id
-- not null: key
select l.content_id, l.author_id, case when :sort_key::text = 'title' then l.title_key else at.key::text end as key
from unnest(:content_ids::uuid[]) wanted (id)
cross join lateral (
  -- One by one: another index might seem as good for all of them at once.
  select * from app.content_listing
  where organization_id = :organization_id and audience = :audience and content_id = wanted.id
  offset 0
) l
cross join lateral (
  select
    case :sort_key::text when 'created' then l.created_at when 'changed' then l.changed_at when 'published' then l.published_at end
      as key,
    case when :sort_key::text = 'title' then l.title_key end as word
) at
where l.live = any(:lives::boolean[])
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
  and (:published_from::timestamptz is null or published_at >= :published_from)
  and (:published_before::timestamptz is null or published_at < :published_before)
  and (:published_before::timestamptz is null or published_at > 'epoch')
  and (
    :key_id::uuid is null
    or case
      when :sort_key::text = 'title' and :descending::boolean then (at.word, l.content_id) < (:key::text, :key_id::uuid)
      when :sort_key::text = 'title' then (at.word, l.content_id) > (:key::text, :key_id::uuid)
      when :descending::boolean then (at.key, l.content_id) < (:key::text::timestamptz, :key_id::uuid)
      else (at.key, l.content_id) > (:key::text::timestamptz, :key_id::uuid)
    end
  )
order by
  case when :descending::boolean then at.key end desc,
  case when :descending::boolean then at.word end desc,
  case when :descending::boolean then l.content_id end desc,
  at.key, at.word, l.content_id
limit :limit::int
