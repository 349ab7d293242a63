-- Removes, at most so many at a time, links that expired a week ago or earlier.
-- returns: count
-- scope: tenant
with old as materialized (
  select link_id from app.link
  where organization_id = :organization_id and expires_at < now() - interval '7 days'
  order by expires_at
  limit :limit::int
  for update skip locked
)
delete from app.link l
using old
where l.organization_id = :organization_id and l.link_id = old.link_id
