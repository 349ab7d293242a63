-- Removes, at most so many at a time, buckets nobody has tried for a day and that hold no lock and no long streak; of
-- logins that nobody has, whatever they hold after ninety days.
-- returns: count
-- scope: tenant
with old as materialized (
  select guard_key, bucket from app.login_guard
  where organization_id = :organization_id
    and last_attempt_at < now() - interval '1 day'
    and (
      ((locked_until is null or locked_until <= now()) and sequence - success_sequence < 20)
      or (user_id is null and last_attempt_at < now() - interval '90 days')
    )
  order by last_attempt_at
  limit :limit::int
  for update skip locked
)
delete from app.login_guard g
using old
where g.organization_id = :organization_id and g.guard_key = old.guard_key and g.bucket = old.bucket
