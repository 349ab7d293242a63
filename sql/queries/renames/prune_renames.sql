-- Removes, at most so many at a time, renamings that ended a week ago.
-- returns: count
-- scope: tenant
with old as materialized (
  select rename_id from app.rename
  where organization_id = :organization_id and finished_at < now() - interval '7 days'
  order by rename_id
  limit :limit::int
  for update skip locked
)
delete from app.rename r
using old
where r.organization_id = :organization_id and r.rename_id = old.rename_id
