-- Who would sign in with this login (an e-mail address or a username, in any case), and what must be verified.
-- returns: maybe
-- scope: tenant
select u.user_id, u.status, u.role, u.full_name, u.username, u.email, c.password_hash, c.pepper_key_id, c.last_login_at
from app.user u
left join app.credential c on c.organization_id = u.organization_id and c.user_id = u.user_id
where u.organization_id = :organization_id
  and (u.email_key = lower(:login) or u.username_key = lower(:login))
  and u.deleted_at is null
