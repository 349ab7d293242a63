-- Removes, at most so many at a time, locks and their ends of ninety days ago. Ids are in the order of time.
-- returns: count
-- scope: tenant
with oldest as materialized (
  select security_event_id from app.security_event
  where organization_id = :organization_id
  order by security_event_id
  limit :limit::int
)
delete from app.security_event e
using oldest
where e.organization_id = :organization_id and e.security_event_id = oldest.security_event_id
  and e.created_at < now() - interval '90 days'
