-- Opens a session. No row when the organization lets nobody in: it would come to life once it does again.
-- returns: maybe
-- scope: tenant
-- nullable: :ip, :user_agent, :device_id, :idle_minutes, :token_minutes
insert into app.session
  (organization_id, session_id, user_id, token_hash, ip, user_agent, device_type, device_id, expires_at, idle_timeout,
    token_expires_at)
select
  o.organization_id, :session_id, :user_id, :token_hash, :ip::inet, :user_agent, :device_type, :device_id,
  now() + make_interval(mins => :lifetime_minutes::int), make_interval(mins => :idle_minutes::int),
  now() + make_interval(mins => :token_minutes::int)
from app.organization o
where o.organization_id = :organization_id and o.status = 'active'
returning session_id, expires_at, token_expires_at, last_active_at + idle_timeout as idle_expires_at
