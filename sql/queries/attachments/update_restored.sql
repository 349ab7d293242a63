-- Brings a deleted attachment back.
-- returns: count
-- scope: tenant
update app.attachment
set deleted_at = null, deleted_by_id = null, deletion_id = null
where organization_id = :organization_id and attachment_id = :attachment_id and deleted_at is not null
