-- Writes another text into a live comment.
-- returns: count
-- scope: tenant
update app.comment
set body = :body, state = :state, edited_at = now()
where organization_id = :organization_id and comment_id = :comment_id and deleted_at is null
