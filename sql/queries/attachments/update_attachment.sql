-- Writes what may be changed of a live attachment.
-- returns: count
-- scope: tenant
update app.attachment set name = :name, description = :description
where organization_id = :organization_id and attachment_id = :attachment_id and deleted_at is null
