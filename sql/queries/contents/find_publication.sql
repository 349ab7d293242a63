-- One lesson, whole, as readers see it.
-- returns: maybe
-- scope: tenant
select content_id, source_id, title, slug, description, body, content_type, difficulty_level, language, tags, prerequisites,
  learning_objectives, metadata, settings, estimated_duration_minutes, published_at, number, version, created_at, updated_at,
  created_by_id
from app.publication
where organization_id = :organization_id and content_id = :content_id and deleted_at is null
