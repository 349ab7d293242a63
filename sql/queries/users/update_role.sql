-- Gives a person another role.
-- returns: count
-- scope: tenant
update app.user set role = :role
where organization_id = :organization_id and user_id = :user_id and deleted_at is null
