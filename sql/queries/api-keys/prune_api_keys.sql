-- Removes, at most so many at a time, API keys that expired or were revoked ninety days ago or earlier.
-- returns: count
-- scope: tenant
with old as materialized (
  select api_key_id from app.api_key
  where organization_id = :organization_id
    and (expires_at < now() - interval '90 days' or revoked_at < now() - interval '90 days')
  order by api_key_id
  limit :limit::int
  for update skip locked
)
delete from app.api_key k
using old
where k.organization_id = :organization_id and k.api_key_id = old.api_key_id
