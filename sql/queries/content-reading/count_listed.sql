-- How many lessons match.
-- returns: one
-- scope: tenant
-- nullable: :statuses, :content_types, :difficulty_levels, :languages, :all_tags, :any_tags, :author_ids, :has_author, :source_id, :has_source_id, :slug, :created_from, :created_before, :updated_from, :updated_before, :published_from, :published_before
select count(*)::int as count
from app.content_listing
where organization_id = :organization_id and audience = :audience
  and live = any(:lives::boolean[])
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
