-- Brings a deleted person back.
-- returns: count
-- scope: tenant
update app.user
set deleted_at = null, deleted_by_id = null, deletion_id = null
where organization_id = :organization_id and user_id = :user_id and deleted_at is not null
