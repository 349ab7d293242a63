-- Renames skills of people who are held; each has another version by that, as when they change their profile themselves.
-- returns: count
-- scope: tenant
with renamed as (
  update app.profile
  set skills = app.rename_words(skills, :from_words::text[], :to_word)
  where organization_id = :organization_id and user_id = any (:user_ids::uuid[])
  returning user_id
)
update app.user u
set full_name = u.full_name
from renamed
where u.organization_id = :organization_id and u.user_id = renamed.user_id
