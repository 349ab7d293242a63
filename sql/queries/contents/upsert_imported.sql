-- Stores a batch of imported lessons, known by their source ids: new ones are added, changed ones become a new
-- version, equal and archived ones are left alone and do not come back. What is not published at once becomes a draft,
-- beside what readers see. One statement for the whole batch.
-- returns: many
-- scope: tenant
insert into app.content as c
  (organization_id, content_id, source_id, title, slug, description, body, language, tags, metadata, status,
   published_at, reviewed_at, reviewed_by_id)
select
  :organization_id, r.content_id, r.source_id, r.title, r.slug, r.description, r.body, r.language,
  array(select json_array_elements_text(r.tags)), r.metadata,
  case when :publish::boolean then 'published' else 'draft' end,
  case when :publish::boolean then now() end,
  case when :publish::boolean then now() end,
  case when :publish::boolean then app.actor() end
from json_to_recordset(:records::json) as r (
  content_id uuid, source_id text, title text, slug text, description text, body text, language text, tags json, metadata json
)
on conflict (organization_id, source_id) where deleted_at is null do update
set
  title = excluded.title, description = excluded.description, body = excluded.body, language = excluded.language,
  tags = excluded.tags, metadata = excluded.metadata,
  status = case when :publish::boolean then 'published' else 'draft' end,
  published_at = case when :publish::boolean then coalesce(c.published_at, now()) else c.published_at end,
  reviewed_at = case when :publish::boolean and c.status <> 'published' then now() else c.reviewed_at end,
  reviewed_by_id = case when :publish::boolean and c.status <> 'published' then app.actor() else c.reviewed_by_id end
where c.status <> 'archived'
  and (
    (c.title, c.description, c.body, c.language, c.tags, c.metadata::text)
      is distinct from (excluded.title, excluded.description, excluded.body, excluded.language, excluded.tags, excluded.metadata::text)
    or (:publish::boolean and c.status <> 'published')
  )
returning c.content_id, c.source_id, c.version
