-- Of these lessons those by whose slug readers know another one, with that one.
-- returns: many
-- scope: tenant
select c.content_id, p.content_id as holder_id
from app.content c
-- Looked up for each: a join might compare each with everything that is published.
cross join lateral (
  select held.content_id from app.publication held
  where held.organization_id = c.organization_id and held.slug = c.slug and held.deleted_at is null
  limit 1
) p
where c.organization_id = :organization_id and c.content_id = any(:content_ids::uuid[]) and p.content_id <> c.content_id
