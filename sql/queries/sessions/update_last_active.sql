-- Records that a session is in use, and from where.
-- returns: count
-- scope: tenant
-- nullable: :ip
update app.session set last_active_at = now(), ip = coalesce(:ip::inet, ip)
where organization_id = :organization_id and session_id = :session_id and ended_at is null
