-- Adds lessons as drafts. By slug: two batches that want the same ones must not wait for each other.
-- returns: many
-- scope: tenant
insert into app.content
  (organization_id, content_id, source_id, title, slug, description, body, content_type, difficulty_level, language,
   tags, prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes)
select
  :organization_id, r.content_id, r.source_id, r.title, r.slug, r.description, r.body, r.content_type,
  r.difficulty_level, r.language, array(select json_array_elements_text(r.tags)),
  array(select json_array_elements_text(r.prerequisites)), array(select json_array_elements_text(r.learning_objectives)),
  r.metadata, r.settings, r.estimated_duration_minutes
from json_to_recordset(:records::json) as r (
  content_id uuid, source_id text, title text, slug text, description text, body text, content_type text,
  difficulty_level text, language text, tags json, prerequisites json, learning_objectives json, metadata json,
  settings json, estimated_duration_minutes integer
)
order by r.slug
returning content_id, version, live_number
