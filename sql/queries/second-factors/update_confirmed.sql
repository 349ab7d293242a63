-- Puts a second factor into force whose secret a code has shown to be in the app, and uses that code up. The session that
-- showed it has proved it; those from before have not.
-- returns: count
-- scope: tenant
with confirmed as (
  update app.second_factor set confirmed_at = now(), last_step = :step
  where organization_id = :organization_id and user_id = :user_id and secret = :secret and confirmed_at is null
  returning user_id
)
update app.session s set authenticated_at = now()
from confirmed c
where s.organization_id = :organization_id and s.session_id = :session_id and s.user_id = c.user_id
