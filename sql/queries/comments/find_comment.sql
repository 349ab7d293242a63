-- Of one comment, live or deleted: on which lesson it is and whose.
-- returns: maybe
-- scope: tenant
select comment_id, content_id, author_id
from app.comment
where organization_id = :organization_id and comment_id = :comment_id
