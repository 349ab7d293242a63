-- Ends a lock whose time has run out.
-- returns: count
-- scope: tenant
update app.login_guard
set locked_until = null, forgiven_sequence = sequence
where organization_id = :organization_id and guard_key = :guard_key and bucket = :bucket and locked_until <= now()
