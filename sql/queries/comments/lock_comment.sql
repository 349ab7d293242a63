-- One comment, live or deleted, held until the transaction ends.
-- returns: maybe
-- scope: tenant
select comment_id, content_id, author_id, body, state, version, deleted_at, deleted_by_id
from app.comment
where organization_id = :organization_id and comment_id = :comment_id
for update
