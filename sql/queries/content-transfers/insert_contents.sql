-- Adds a batch of lessons. What is published is published now.
-- returns: count
-- scope: tenant
insert into app.content
  (organization_id, content_id, source_id, slug, title, description, body, content_type, difficulty_level, language, tags,
   prerequisites, learning_objectives, estimated_duration_minutes, metadata, settings, status, publish_at, unpublish_at,
   published_at, reviewed_at)
select
  :organization_id, r.content_id, r.source_id, r.slug, r.title, r.description, r.body, r.content_type, r.difficulty_level,
  r.language, array(select json_array_elements_text(r.tags)), array(select json_array_elements_text(r.prerequisites)),
  array(select json_array_elements_text(r.learning_objectives)), r.estimated_duration_minutes, r.metadata::json,
  r.settings::json, r.status, r.publish_at, r.unpublish_at,
  case when r.status = 'published' then now() end, case when r.status = 'published' then now() end
from json_to_recordset(:records::json) as r (
  content_id uuid, source_id text, slug text, title text, description text, body text, content_type text,
  difficulty_level text, language text, tags json, prerequisites json, learning_objectives json,
  estimated_duration_minutes integer, metadata text, settings text, status text, publish_at timestamptz,
  unpublish_at timestamptz
)
