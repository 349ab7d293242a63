-- Notes so many attempts that found a bucket locked, once a minute: a storm of them is one row written, not thousands.
-- returns: count
-- scope: tenant
update app.login_guard set turned_away = turned_away + :attempts::int, last_attempt_at = now()
where organization_id = :organization_id and guard_key = :guard_key and bucket = :bucket
  and locked_until > now() and last_attempt_at < now() - interval '1 minute'
