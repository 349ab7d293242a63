-- What must be verified before a signed-in person may change their password.
-- returns: maybe
-- scope: tenant
select u.full_name, u.username, u.email, u.role, c.password_hash, c.pepper_key_id
from app.user u
join app.credential c on c.organization_id = u.organization_id and c.user_id = u.user_id
where u.organization_id = :organization_id and u.user_id = :user_id and u.deleted_at is null
