-- Lessons whole, as an export writes them, and what readers see where that is another text. Documents as they are stored,
-- to the letter.
-- returns: many
-- scope: tenant
-- not null: metadata, settings
select c.content_id, c.source_id, c.status,
  to_char(c.publish_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as publish_at,
  to_char(c.unpublish_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as unpublish_at,
  c.slug, c.title, c.description, c.body, c.content_type, c.difficulty_level, c.language, c.tags, c.prerequisites,
  c.learning_objectives, c.estimated_duration_minutes, c.metadata::text as metadata, c.settings::text as settings,
  p.content_id is not null as beside,
  p.slug as live_slug, p.title as live_title, p.description as live_description, p.body as live_body,
  p.content_type as live_content_type, p.difficulty_level as live_difficulty_level, p.language as live_language,
  p.tags as live_tags, p.prerequisites as live_prerequisites, p.learning_objectives as live_learning_objectives,
  p.estimated_duration_minutes as live_estimated_duration_minutes, p.metadata::text as live_metadata,
  p.settings::text as live_settings
from app.content c
left join app.publication p
  on p.organization_id = c.organization_id and p.content_id = c.content_id and p.deleted_at is null and c.status <> 'published'
where c.organization_id = :organization_id and c.content_id = any (:content_ids::uuid[]) and c.deleted_at is null
