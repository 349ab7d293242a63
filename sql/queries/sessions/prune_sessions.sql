-- Removes, at most so many at a time, sessions that expired or ended a week ago or earlier.
-- returns: count
-- scope: tenant
with old as materialized (
  select session_id from app.session
  where organization_id = :organization_id
    and (expires_at < now() - interval '7 days' or ended_at < now() - interval '7 days')
  order by session_id
  limit :limit::int
  for update skip locked
)
delete from app.session s
using old
where s.organization_id = :organization_id and s.session_id = old.session_id
