-- A person's second factor, with what their app shows beside the code. Null confirmed_at: still to be confirmed, within
-- half an hour. `read_at`: what time it is by this clock, which is that of every node.
-- returns: maybe
-- scope: tenant
-- not null: stale, recovery_codes
select
  f.secret, f.confirmed_at, f.last_step,
  now() as read_at,
  f.confirmed_at is null and f.updated_at < now() - interval '30 minutes' as stale,
  (select count(*)::int from app.recovery_code c
    where c.organization_id = f.organization_id and c.user_id = f.user_id and c.used_at is null) as recovery_codes
from app.second_factor f
where f.organization_id = :organization_id and f.user_id = :user_id
