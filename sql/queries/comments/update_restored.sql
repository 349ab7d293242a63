-- Brings a deleted comment back.
-- returns: count
-- scope: tenant
update app.comment
set deleted_at = null, deleted_by_id = null, deletion_id = null
where organization_id = :organization_id and comment_id = :comment_id and deleted_at is not null
