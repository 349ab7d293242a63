-- One lesson, whole, as its authors have it.
-- returns: maybe
-- scope: tenant
select content_id, source_id, title, slug, description, body, content_type, difficulty_level, status, language, tags,
  prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes, published_at, reviewed_at,
  reviewed_by_id, latest_number, live_number, publish_at, unpublish_at, version, created_at, updated_at, created_by_id,
  updated_by_id, deleted_at
from app.content
where organization_id = :organization_id
  and content_id = :content_id
  and (:include_deleted::boolean or deleted_at is null)
