-- Whether a bucket of the guard is locked now: only a hint that saves work, upsert_attempt decides. `due`: nobody has
-- noted for a minute that it is tried.
-- returns: maybe
-- scope: tenant
-- not null: due
select coalesce(locked_until > now(), false) as locked, last_attempt_at < now() - interval '1 minute' as due
from app.login_guard
where organization_id = :organization_id and guard_key = :guard_key and bucket = :bucket
