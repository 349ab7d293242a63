-- Removes, at most so many at a time, imports that ended a week ago, and what became of their lines.
-- returns: count
-- scope: tenant
with old as materialized (
  select import_id from app.import
  where organization_id = :organization_id and finished_at < now() - interval '7 days'
  order by import_id
  limit :limit::int
  for update skip locked
)
delete from app.import i
using old
where i.organization_id = :organization_id and i.import_id = old.import_id
