-- Makes a batch of lessons what their records say; those that are so already are left alone and do not come back. `live`:
-- readers see something of it. `beside`: the record is what they see, and the draft beside it comes after.
-- returns: many
-- scope: tenant
update app.content c
set slug = r.slug, title = r.title, description = r.description, body = r.body, content_type = r.content_type,
  difficulty_level = r.difficulty_level, language = r.language, tags = r.tags, prerequisites = r.prerequisites,
  learning_objectives = r.learning_objectives, estimated_duration_minutes = r.estimated_duration_minutes,
  metadata = r.metadata, settings = r.settings, status = r.status, publish_at = r.publish_at, unpublish_at = r.unpublish_at,
  published_at = case when r.live then coalesce(c.published_at, now()) end,
  reviewed_at = case when r.status = 'published' and c.status <> 'published' then now() else c.reviewed_at end,
  reviewed_by_id = case when r.status = 'published' and c.status <> 'published' then app.actor() else c.reviewed_by_id end
from (
  select content_id, slug, title, description, body, content_type, difficulty_level, language,
    array(select json_array_elements_text(g.tags)) as tags,
    array(select json_array_elements_text(g.prerequisites)) as prerequisites,
    array(select json_array_elements_text(g.learning_objectives)) as learning_objectives,
    estimated_duration_minutes, metadata::json as metadata, settings::json as settings, status, publish_at, unpublish_at,
    live, beside
  from json_to_recordset(:records::json) as g (
    content_id uuid, slug text, title text, description text, body text, content_type text, difficulty_level text,
    language text, tags json, prerequisites json, learning_objectives json, estimated_duration_minutes integer,
    metadata text, settings text, status text, publish_at timestamptz, unpublish_at timestamptz, live boolean, beside boolean
  )
) r
left join app.publication p
  on p.organization_id = :organization_id and p.content_id = r.content_id and p.deleted_at is null
where c.organization_id = :organization_id and c.content_id = r.content_id and c.deleted_at is null
  and case
    when r.beside then
      p.content_id is null
      or (p.slug, p.title, p.description, p.body, p.content_type, p.difficulty_level, p.language, p.tags, p.prerequisites,
          p.learning_objectives, p.estimated_duration_minutes, p.metadata::text, p.settings::text)
        is distinct from
         (r.slug, r.title, r.description, r.body, r.content_type, r.difficulty_level, r.language, r.tags, r.prerequisites,
          r.learning_objectives, r.estimated_duration_minutes, r.metadata::text, r.settings::text)
    else
      (c.slug, c.title, c.description, c.body, c.content_type, c.difficulty_level, c.language, c.tags, c.prerequisites,
       c.learning_objectives, c.estimated_duration_minutes, c.metadata::text, c.settings::text, c.status, c.publish_at,
       c.unpublish_at, c.published_at is not null)
        is distinct from
      (r.slug, r.title, r.description, r.body, r.content_type, r.difficulty_level, r.language, r.tags, r.prerequisites,
       r.learning_objectives, r.estimated_duration_minutes, r.metadata::text, r.settings::text, r.status, r.publish_at,
       r.unpublish_at, r.live)
  end
returning c.content_id
