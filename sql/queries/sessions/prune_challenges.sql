-- Removes, at most so many at a time, challenges that have expired.
-- returns: count
-- scope: tenant
with old as materialized (
  select token_hash from app.sign_in_challenge
  where organization_id = :organization_id and expires_at < now()
  order by expires_at
  limit :limit::int
  for update skip locked
)
delete from app.sign_in_challenge h
using old
where h.organization_id = :organization_id and h.token_hash = old.token_hash
