-- Removes, at most so many at a time, API keys that expired or were revoked ninety days ago or earlier. An array and no join: a
-- join may run the inner select again for each row, and each time finds the next ones.
-- returns: count
-- scope: tenant
delete from app.api_key
where organization_id = :organization_id and api_key_id = any (array(
  select api_key_id from app.api_key
  where organization_id = :organization_id
    and (expires_at < now() - interval '90 days' or revoked_at < now() - interval '90 days')
  order by api_key_id
  limit :limit::int
  for update skip locked
))
