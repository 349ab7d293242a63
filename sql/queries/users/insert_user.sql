-- Adds a person.
-- returns: one
-- scope: tenant
-- nullable: :external_id, :email, :avatar_url
insert into app.user
  (organization_id, user_id, external_id, email, username, full_name, avatar_url, role, status, time_zone, language)
values (
  :organization_id, :user_id, :external_id, :email, :username, :full_name, :avatar_url, :role, :status, :time_zone, :language
)
returning user_id
