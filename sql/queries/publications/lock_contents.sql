-- What decides whether lessons may be published, without reading their texts. Live or deleted, held until the transaction
-- ends, always in one order: two sets must not wait for each other.
-- returns: many
-- scope: tenant
select content_id, created_by_id, status, live_number, publish_at, unpublish_at, version, deleted_at
from app.content
where organization_id = :organization_id and content_id = any(:content_ids::uuid[])
order by content_id
for update
