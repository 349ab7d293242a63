-- Shows a live comment to everybody, or hides it from them.
-- returns: count
-- scope: tenant
update app.comment
set state = :state
where organization_id = :organization_id and comment_id = :comment_id and deleted_at is null and state <> :state
