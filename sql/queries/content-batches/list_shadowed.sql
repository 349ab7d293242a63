-- Of these lessons those by whose slug readers know another one.
-- returns: many
-- scope: tenant
select c.content_id
from app.content c
where c.organization_id = :organization_id and c.content_id = any(:content_ids::uuid[])
  -- Looked up for each: a join might compare each with everything that is published.
  and (
    select p.content_id from app.publication p
    where p.organization_id = c.organization_id and p.slug = c.slug and p.deleted_at is null
  ) <> c.content_id
