-- Writes what may be changed of a person. Role, organization and password have statements of their own.
-- returns: count
-- scope: tenant
-- nullable: :external_id, :email, :avatar_url
update app.user
set external_id = :external_id, email = :email, username = :username, full_name = :full_name, avatar_url = :avatar_url,
  status = :status, time_zone = :time_zone, language = :language,
  email_verified_at = case when email_key is distinct from lower(:email) then null else email_verified_at end
where organization_id = :organization_id and user_id = :user_id and deleted_at is null
