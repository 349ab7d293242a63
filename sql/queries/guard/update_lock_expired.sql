-- Ends a lock whose time has run out, which gives one attempt: when that fails as well, the next lock begins.
-- returns: count
-- scope: tenant
update app.login_guard
set
  locked_until = null,
  forgiven_sequence = greatest(forgiven_sequence, sequence + 1 - :attempts_allowed::int)
where organization_id = :organization_id and guard_key = :guard_key and bucket = :bucket and locked_until <= now()
