-- Opens a session.
-- returns: one
-- scope: tenant
-- nullable: :ip, :user_agent, :device_id, :idle_minutes, :token_minutes
insert into app.session
  (organization_id, session_id, user_id, token_hash, ip, user_agent, device_type, device_id, expires_at, idle_timeout,
    token_expires_at)
values (
  :organization_id, :session_id, :user_id, :token_hash, :ip::inet, :user_agent, :device_type, :device_id,
  now() + make_interval(mins => :lifetime_minutes::int), make_interval(mins => :idle_minutes::int),
  now() + make_interval(mins => :token_minutes::int)
)
returning session_id, expires_at, token_expires_at
