-- Deletes a live lesson softly.
-- returns: count
-- scope: tenant
update app.content
set deleted_at = now(), deleted_by_id = app.actor(), deletion_id = :deletion_id
where organization_id = :organization_id and content_id = :content_id and deleted_at is null
