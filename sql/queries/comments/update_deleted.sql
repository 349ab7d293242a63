-- Deletes a live comment softly, and nothing else.
-- returns: count
-- scope: tenant
update app.comment
set deleted_at = now(), deleted_by_id = app.actor(), deletion_id = :deletion_id
where organization_id = :organization_id and comment_id = :comment_id and deleted_at is null
