-- Names the times at which a lesson is published and unpublished. What nobody had approved its reviewer has by that.
-- returns: one
-- scope: tenant
-- nullable: :publish_at, :unpublish_at
update app.content
set status = :status,
  publish_at = :publish_at, unpublish_at = :unpublish_at,
  reviewed_at = case when :decided::boolean then now() else reviewed_at end,
  reviewed_by_id = case when :decided::boolean then app.actor() else reviewed_by_id end
where organization_id = :organization_id and content_id = :content_id and deleted_at is null
returning content_id, source_id, title, slug, description, body, content_type, difficulty_level, status, language, tags,
  prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes, published_at, reviewed_at,
  reviewed_by_id, latest_number, live_number, publish_at, unpublish_at, version, created_at, updated_at, created_by_id,
  updated_by_id, deleted_at
