-- Writes what may be changed of a lesson.
-- returns: one
-- scope: tenant
-- nullable: :source_id, :estimated_duration_minutes
update app.content
set status = :status, source_id = :source_id, title = :title, slug = :slug, description = :description, body = :body,
  content_type = :content_type, difficulty_level = :difficulty_level, language = :language, tags = :tags::text[],
  prerequisites = :prerequisites::text[], learning_objectives = :learning_objectives::text[],
  metadata = :metadata::json, settings = :settings::json, estimated_duration_minutes = :estimated_duration_minutes
where organization_id = :organization_id and content_id = :content_id and deleted_at is null
returning content_id, source_id, title, slug, description, body, content_type, difficulty_level, status, language, tags,
  prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes, published_at, reviewed_at,
  reviewed_by_id, latest_number, live_number, publish_at, unpublish_at, version, created_at, updated_at, created_by_id,
  updated_by_id, deleted_at
