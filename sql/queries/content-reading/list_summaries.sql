-- What a list shows of these lessons to staff, in no order; without the description unless it is asked for.
-- returns: many
-- scope: tenant
-- not null: description
select content_id, source_id, title, slug, case when :with_description::boolean then description else '' end as description,
  content_type, difficulty_level, status, language, tags, estimated_duration_minutes, published_at, latest_number, live_number,
  publish_at, unpublish_at, version, created_at, updated_at, created_by_id, deleted_at
from app.content
where organization_id = :organization_id and content_id = any(:content_ids::uuid[])
