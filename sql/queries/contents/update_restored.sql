-- Brings a deleted lesson back.
-- returns: one
-- scope: tenant
update app.content
set deleted_at = null, deleted_by_id = null, deletion_id = null
where organization_id = :organization_id and content_id = :content_id and deleted_at is not null
returning content_id, source_id, title, slug, description, body, content_type, difficulty_level, status, language, tags,
  prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes, published_at, reviewed_at,
  reviewed_by_id, latest_number, live_number, publish_at, unpublish_at, version, created_at, updated_at, created_by_id,
  updated_by_id, deleted_at
