-- Removes, at most so many at a time, marks of jobs that not even a dead letter can bring back. They are not locked
-- before, which would need the right to update them: a mark is never changed.
-- returns: count
-- scope: tenant
with old as materialized (
  select job_id, step from app.effect
  where organization_id = :organization_id and created_at < now() - interval '180 days'
  order by created_at
  limit :limit::int
)
delete from app.effect e
using old
where e.organization_id = :organization_id and e.job_id = old.job_id and e.step = old.step
