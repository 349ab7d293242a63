-- Withdraws a person's rating of a lesson.
-- returns: count
-- scope: tenant
update app.rating
set deleted_at = now(), deleted_by_id = app.actor(), deletion_id = :deletion_id
where organization_id = :organization_id and content_id = :content_id and user_id = :user_id and deleted_at is null
