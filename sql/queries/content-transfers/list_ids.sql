-- Every live lesson, with about how many bytes it is, in the order of an export: by what it is known by.
-- returns: many
-- scope: tenant
-- not null: bytes
select content_id, octet_length(body) + octet_length(metadata::text) + octet_length(settings::text) as bytes
from app.content
where organization_id = :organization_id and deleted_at is null
order by source_id is null, source_id collate "C", slug collate "C"
