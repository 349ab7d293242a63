-- Brings an earlier text of a live lesson back as its latest. Where it is that already, the status stays as well.
-- returns: maybe
-- scope: tenant
update app.content c
set status = case
    when (c.title, c.slug, c.description, c.body, c.content_type, c.difficulty_level, c.language, c.tags, c.prerequisites,
        c.learning_objectives, c.metadata::text, c.settings::text, c.estimated_duration_minutes)
      is distinct from
      (v.title, v.slug, v.description, v.body, v.content_type, v.difficulty_level, v.language, v.tags, v.prerequisites,
        v.learning_objectives, v.metadata::text, v.settings::text, v.estimated_duration_minutes) then :status
    else c.status
  end,
  title = v.title, slug = v.slug, description = v.description, body = v.body, content_type = v.content_type,
  difficulty_level = v.difficulty_level, language = v.language, tags = v.tags, prerequisites = v.prerequisites,
  learning_objectives = v.learning_objectives, metadata = v.metadata, settings = v.settings,
  estimated_duration_minutes = v.estimated_duration_minutes, restored_from_number = v.number
from app.content_version v
where c.organization_id = :organization_id and c.content_id = :content_id and c.deleted_at is null
  and v.organization_id = c.organization_id and v.content_id = c.content_id and v.number = :number
returning c.content_id, c.source_id, c.title, c.slug, c.description, c.body, c.content_type, c.difficulty_level, c.status,
  c.language, c.tags, c.prerequisites, c.learning_objectives, c.metadata, c.settings, c.estimated_duration_minutes,
  c.published_at, c.reviewed_at, c.reviewed_by_id, c.latest_number, c.live_number, c.publish_at, c.unpublish_at, c.version,
  c.created_at, c.updated_at, c.created_by_id, c.updated_by_id, c.deleted_at
