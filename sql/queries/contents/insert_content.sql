-- Adds a lesson as a draft.
-- returns: one
-- scope: tenant
-- nullable: :source_id, :estimated_duration_minutes
insert into app.content
  (organization_id, content_id, source_id, title, slug, description, body, content_type, difficulty_level, language,
   tags, prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes)
values
  (:organization_id, :content_id, :source_id, :title, :slug, :description, :body, :content_type, :difficulty_level,
   :language, :tags::text[], :prerequisites::text[], :learning_objectives::text[], :metadata::json, :settings::json,
   :estimated_duration_minutes)
returning content_id, source_id, title, slug, description, body, content_type, difficulty_level, status, language, tags,
  prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes, published_at, reviewed_at,
  reviewed_by_id, latest_number, live_number, publish_at, unpublish_at, version, created_at, updated_at, created_by_id,
  updated_by_id, deleted_at
