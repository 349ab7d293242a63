-- Takes a live lesson back to a draft.
-- returns: one
-- scope: tenant
update app.content
set status = 'draft', published_at = null, reviewed_at = now(), reviewed_by_id = app.actor()
where organization_id = :organization_id and content_id = :content_id and deleted_at is null
returning content_id, source_id, title, slug, description, body, content_type, difficulty_level, status, language, tags,
  prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes, published_at, reviewed_at,
  reviewed_by_id, version, created_at, updated_at, created_by_id, updated_by_id, deleted_at
