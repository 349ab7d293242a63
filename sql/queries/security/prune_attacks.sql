-- Removes, at most so many at a time, attacks that ended ninety days ago.
-- returns: count
-- scope: tenant
with old as materialized (
  select attack_id from app.attack
  where organization_id = :organization_id and ended_at < now() - interval '90 days'
  order by ended_at
  limit :limit::int
  for update skip locked
)
delete from app.attack a
using old
where a.organization_id = :organization_id and a.attack_id = old.attack_id
