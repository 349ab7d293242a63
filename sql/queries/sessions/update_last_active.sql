-- Records that a session is in use.
-- returns: count
-- scope: tenant
update app.session set last_active_at = now()
where organization_id = :organization_id and session_id = :session_id and ended_at is null
