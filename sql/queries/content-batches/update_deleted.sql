-- Deletes live lessons softly, each by a deletion of its own, so that each can be restored by itself.
-- returns: many
-- scope: tenant
update app.content c
set deleted_at = now(), deleted_by_id = app.actor(), deletion_id = app.uuidv7()
where c.organization_id = :organization_id and c.content_id = any(:content_ids::uuid[]) and c.deleted_at is null
returning c.content_id, c.version, c.live_number
