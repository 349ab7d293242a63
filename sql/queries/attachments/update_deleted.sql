-- Deletes a live attachment softly.
-- returns: count
-- scope: tenant
update app.attachment
set deleted_at = now(), deleted_by_id = app.actor(), deletion_id = :deletion_id
where organization_id = :organization_id and attachment_id = :attachment_id and deleted_at is null
