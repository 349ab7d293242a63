-- Who has these e-mail addresses or usernames, given in small letters.
-- returns: many
-- scope: tenant
-- not null: user_id, username_key
select user_id, email_key, username_key from app.user
where organization_id = :organization_id and email_key = any(:email_keys::text[]) and deleted_at is null
union
select user_id, email_key, username_key from app.user
where organization_id = :organization_id and username_key = any(:username_keys::text[]) and deleted_at is null
order by user_id
