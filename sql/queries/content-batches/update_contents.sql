-- Writes what is given of lessons and leaves the rest; another text leads to the status that comes with it.
-- returns: many
-- scope: tenant
update app.content c
set
  title = n.title, slug = n.slug, description = n.description, body = n.body, content_type = n.content_type,
  difficulty_level = n.difficulty_level, language = n.language, tags = n.tags, prerequisites = n.prerequisites,
  learning_objectives = n.learning_objectives, metadata = n.metadata, settings = n.settings,
  estimated_duration_minutes = n.estimated_duration_minutes, source_id = n.source_id,
  status = case
    when (n.title, n.slug, n.description, n.body, n.content_type, n.difficulty_level, n.language, n.tags, n.prerequisites,
          n.learning_objectives, n.metadata::text, n.settings::text, n.estimated_duration_minutes)
      is distinct from
         (c.title, c.slug, c.description, c.body, c.content_type, c.difficulty_level, c.language, c.tags, c.prerequisites,
          c.learning_objectives, c.metadata::text, c.settings::text, c.estimated_duration_minutes)
    then n.edited
    else c.status
  end
from (
  select
    o.content_id, r.edited, coalesce(r.title, o.title) as title, coalesce(r.slug, o.slug) as slug,
    coalesce(r.description, o.description) as description, coalesce(r.body, o.body) as body,
    coalesce(r.content_type, o.content_type) as content_type,
    coalesce(r.difficulty_level, o.difficulty_level) as difficulty_level, coalesce(r.language, o.language) as language,
    case when r.tags is null then o.tags else array(select json_array_elements_text(r.tags)) end as tags,
    case when r.prerequisites is null then o.prerequisites
      else array(select json_array_elements_text(r.prerequisites)) end as prerequisites,
    case when r.learning_objectives is null then o.learning_objectives
      else array(select json_array_elements_text(r.learning_objectives)) end as learning_objectives,
    coalesce(r.metadata, o.metadata) as metadata, coalesce(r.settings, o.settings) as settings,
    -- These may become null.
    case when r.has_duration then r.estimated_duration_minutes else o.estimated_duration_minutes end
      as estimated_duration_minutes,
    case when r.has_source then r.source_id else o.source_id end as source_id
  from json_to_recordset(:records::json) as r (
    content_id uuid, edited text, title text, slug text, description text, body text, content_type text,
    difficulty_level text, language text, tags json, prerequisites json, learning_objectives json, metadata json,
    settings json, has_duration boolean, estimated_duration_minutes integer, has_source boolean, source_id text
  )
  join app.content o on o.organization_id = :organization_id and o.content_id = r.content_id
) n
where c.organization_id = :organization_id and c.content_id = n.content_id and c.deleted_at is null
returning c.content_id, c.version, c.live_number
