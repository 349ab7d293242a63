-- A person as they may be changed, held until the transaction ends.
-- returns: maybe
-- scope: tenant
select user_id, external_id, email, username, full_name, avatar_url, role, status, time_zone, language, version, deleted_at,
  deletion_id
from app.user
where organization_id = :organization_id and user_id = :user_id
for no key update
