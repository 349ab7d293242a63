-- The live lessons that have one of these slugs or source ids.
-- returns: many
-- scope: tenant
select content_id, slug, source_id
from app.content
where organization_id = :organization_id and deleted_at is null
  and (slug = any(:slugs::text[]) or source_id = any(:source_ids::text[]))
