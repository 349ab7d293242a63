-- Ends a person's oldest live sessions until so many are left, the newest of them the one that is named.
-- returns: many
-- scope: tenant
update app.session s set ended_at = now(), end_reason = 'too_many'
from (
  select session_id from app.session
  where organization_id = :organization_id and user_id = :user_id
    and ended_at is null and expires_at > now()
    and (idle_timeout is null or last_active_at + idle_timeout > now())
  order by session_id = :session_id desc, created_at desc, session_id desc
  offset :keep::int
) excess
where s.organization_id = :organization_id and s.session_id = excess.session_id and s.ended_at is null
returning s.session_id
