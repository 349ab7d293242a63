-- Removes counts that count no more.
-- returns: count
-- scope: tenant
with old as materialized (
  select network from app.sign_up_attempt
  where organization_id = :organization_id and since < now() - interval '1 hour'
  order by since
  limit :limit::int
  for update skip locked
)
delete from app.sign_up_attempt a
using old
where a.organization_id = :organization_id and a.network = old.network
