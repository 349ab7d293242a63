-- Gives a live session another token: the old one is void at once. Of a long-lived client's session the token lives on for
-- so many minutes, but no longer than the session; any other for as long as that.
-- returns: maybe
-- scope: tenant
-- nullable: :ip
-- not null: expires_at
update app.session
set
  token_hash = :token_hash,
  token_expires_at = case
    when token_expires_at is not null then least(now() + make_interval(mins => :token_minutes::int), expires_at)
  end,
  authenticated_at = case when :proved::boolean then now() else authenticated_at end,
  last_active_at = now(),
  ip = coalesce(:ip::inet, ip)
where organization_id = :organization_id and user_id = :user_id and session_id = :session_id
  and ended_at is null and expires_at > now()
returning coalesce(token_expires_at, expires_at) as expires_at, last_active_at + idle_timeout as idle_expires_at
