-- A moderator has looked at a comment: its open flags are dismissed, or were right.
-- returns: count
-- scope: tenant
update app.comment_flag
set resolved_at = now(), resolved_by_id = app.actor(), resolution = :resolution
where organization_id = :organization_id and comment_id = :comment_id and resolved_at is null
