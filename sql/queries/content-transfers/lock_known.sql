-- Live lessons by what an import knows them by, held until the transaction ends: the source id, and where a lesson has none
-- its slug.
-- returns: many
-- scope: tenant
select content_id, source_id, slug
from app.content
where organization_id = :organization_id and deleted_at is null
  and (source_id = any (:source_ids::text[]) or (source_id is null and slug = any (:slugs::text[])))
order by content_id
for no key update
