-- Removes, at most so many at a time, who read a lesson last more than 400 days ago. What they counted stays counted.
-- returns: count
-- scope: tenant
with old as materialized (
  select content_id, user_id from app.content_view
  where organization_id = :organization_id and last_hour < now() - interval '400 days'
  order by last_hour
  limit :limit::int
  for update skip locked
)
delete from app.content_view v
using old
where v.organization_id = :organization_id and v.content_id = old.content_id and v.user_id = old.user_id
