-- Writes what an import changes of a batch of people in one statement.
-- returns: count
-- scope: tenant
update app.user u
set email = r.email, username = r.username, full_name = r.full_name, role = r.role, status = r.status,
  language = r.language, time_zone = r.time_zone,
  email_verified_at = case when u.email_key is distinct from lower(r.email) then null else u.email_verified_at end
from json_to_recordset(:people::json) as r (
  user_id uuid, email text, username text, full_name text, role text, status text, language text, time_zone text
)
where u.organization_id = :organization_id and u.user_id = r.user_id and u.deleted_at is null
