-- Whether a bucket of the guard is locked now. Only a hint that saves work: upsert_attempt decides.
-- returns: maybe
-- scope: tenant
select coalesce(locked_until > now(), false) as locked, locked_until
from app.login_guard
where organization_id = :organization_id and guard_key = :guard_key and bucket = :bucket
