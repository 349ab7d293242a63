-- Shows a lesson's text to readers. Who publishes what nobody has approved is its reviewer.
-- returns: one
-- scope: tenant
update app.content
set status = 'published', published_at = coalesce(published_at, now()),
  reviewed_at = case when status = 'approved' then reviewed_at else now() end,
  reviewed_by_id = case when status = 'approved' then reviewed_by_id else app.actor() end
where organization_id = :organization_id and content_id = :content_id and deleted_at is null
returning content_id, source_id, title, slug, description, body, content_type, difficulty_level, status, language, tags,
  prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes, published_at, reviewed_at,
  reviewed_by_id, latest_number, live_number, publish_at, unpublish_at, version, created_at, updated_at, created_by_id,
  updated_by_id, deleted_at
