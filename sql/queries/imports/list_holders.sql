-- Who has these e-mail addresses or usernames, given in small letters.
-- returns: many
-- scope: tenant
select user_id, email_key, username_key
from app.user
where organization_id = :organization_id and deleted_at is null
  and (email_key = any(:email_keys::text[]) or username_key = any(:username_keys::text[]))
order by user_id
