-- Finds a live lesson that somebody may see, and keeps it from being changed or deleted until the transaction ends.
-- returns: maybe
-- scope: tenant
select content_id, created_by_id, status, live_number, publish_at, unpublish_at,
  live_number is not null as published
from app.content
where organization_id = :organization_id and content_id = :content_id and deleted_at is null
  and (not :published_only::boolean or live_number is not null)
for share
