-- What is asked of lessons before they are written: whose, in which state, and how long, without reading their texts. Live
-- or deleted, held until the transaction ends. Always in one order: two batches must not wait for each other.
-- returns: many
-- scope: tenant
-- not null: title_bytes, description_bytes, body_bytes, metadata_bytes, settings_bytes
select content_id, slug, source_id, status, live_number, publish_at, unpublish_at, version, created_by_id, deleted_at,
  octet_length(title) as title_bytes, octet_length(description) as description_bytes, octet_length(body) as body_bytes,
  octet_length(metadata::text) as metadata_bytes, octet_length(settings::text) as settings_bytes
from app.content
where organization_id = :organization_id and content_id = any(:content_ids::uuid[])
order by content_id
for update
