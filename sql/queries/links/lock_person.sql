-- A person as far as links go, held until the transaction ends: their links are made and used up one after another.
-- returns: maybe
-- scope: tenant
select u.user_id, u.username, u.email, u.email_verified_at, u.status,
  exists (
    select from app.credential c
    where c.organization_id = u.organization_id and c.user_id = u.user_id and c.password_hash is not null
  ) as has_password
from app.user u
where u.organization_id = :organization_id and u.user_id = :user_id and u.deleted_at is null
for no key update of u
