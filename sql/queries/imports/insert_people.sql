-- Adds a batch of people in one statement. Whoever somebody else adds at the same moment is left out, and does not come
-- back.
-- returns: many
-- scope: tenant
-- not null: external_id
insert into app.user
  (organization_id, user_id, external_id, email, username, full_name, role, status, language, time_zone)
select
  :organization_id, r.user_id, r.external_id, r.email, r.username, r.full_name, r.role, r.status, r.language, r.time_zone
from json_to_recordset(:people::json) as r (
  user_id uuid, external_id text, email text, username text, full_name text, role text, status text, language text,
  time_zone text
)
order by r.external_id
on conflict do nothing
returning user_id, external_id
