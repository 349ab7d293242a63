-- A comment of this lesson that everybody sees, and so can be answered: it stays so until the transaction ends. Any number
-- may answer at once. How deep it stands: 1 is the top.
-- returns: maybe
-- scope: tenant
-- not null: depth
select comment_id, octet_length(path) / 16 as depth
from app.comment
where organization_id = :organization_id and content_id = :content_id and comment_id = :parent_id
  and deleted_at is null and state = 'approved' and body is not null
for share
