-- Removes answers kept for longer than so many hours, at most so many at a time.
-- returns: count
-- scope: tenant
with old as materialized (
  select key_hash from app.idempotency
  where organization_id = :organization_id and created_at < now() - make_interval(hours => :hours::int)
  order by created_at
  limit :limit::int
  for update skip locked
)
delete from app.idempotency i
using old
where i.organization_id = :organization_id and i.key_hash = old.key_hash
