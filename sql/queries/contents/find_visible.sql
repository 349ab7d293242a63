-- Finds a live lesson that somebody may see: who wrote it, and whether it is published.
-- returns: maybe
-- scope: tenant
-- not null: published
select content_id, created_by_id, status = 'published' as published
from app.content
where organization_id = :organization_id and content_id = :content_id and deleted_at is null
  and (not :published_only::boolean or status = 'published')
