-- One live session of a person.
-- returns: maybe
-- scope: tenant
select session_id, ip, user_agent, device_type, created_at, last_active_at, expires_at,
  last_active_at + idle_timeout as idle_expires_at, token_expires_at is not null as long_lived
from app.session
where organization_id = :organization_id and user_id = :user_id and session_id = :session_id
  and ended_at is null and expires_at > now()
  and (idle_timeout is null or last_active_at + idle_timeout > now())
