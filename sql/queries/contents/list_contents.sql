-- Lessons without their bodies, newest first.
-- returns: many
-- scope: tenant
-- nullable: :status, :content_type, :difficulty_level, :language, :tag, :source_id, :slug, :before_id
select content_id, source_id, title, slug, description, content_type, difficulty_level, status, language, tags,
  estimated_duration_minutes, published_at, version, created_at, updated_at, created_by_id, deleted_at
from app.content
where organization_id = :organization_id
  and (:include_deleted::boolean or deleted_at is null)
  and (not :published_only::boolean or status = 'published')
  and (:status::text is null or status = :status)
  and (:content_type::text is null or content_type = :content_type)
  and (:difficulty_level::text is null or difficulty_level = :difficulty_level)
  and (:language::text is null or language = :language)
  and (:tag::text is null or :tag = any(tags))
  and (:source_id::text is null or source_id = :source_id)
  and (:slug::text is null or slug = :slug)
  and (:before_id::uuid is null or content_id < :before_id)
order by content_id desc
limit :limit::int
