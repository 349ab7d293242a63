-- The state of one bucket of the guard, held until the transaction ends.
-- returns: maybe
-- scope: tenant
-- not null: failed
select
  (sequence - forgiven_sequence)::int as failed,
  coalesce(locked_until > now(), false) as locked,
  locked_until,
  extract(epoch from locked_until - now())::float8 as seconds_left,
  user_id, door, locks
from app.login_guard
where organization_id = :organization_id and guard_key = :guard_key and bucket = :bucket
for update
