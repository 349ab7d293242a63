-- Deletes a person softly.
-- returns: count
-- scope: tenant
update app.user
set deleted_at = now(), deleted_by_id = app.actor(), deletion_id = :deletion_id
where organization_id = :organization_id and user_id = :user_id and deleted_at is null
