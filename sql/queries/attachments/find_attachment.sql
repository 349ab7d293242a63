-- An attachment with its file, live or deleted.
-- returns: maybe
-- scope: tenant
-- not null: sha256
select a.attachment_id, a.content_id, a.file_id, a.name, a.description, a.media_type, a.position, a.version, a.created_at,
  a.updated_at, a.created_by_id, a.updated_by_id, a.deleted_at, f.size, encode(f.sha256, 'hex') as sha256
from app.attachment a
join app.file f on f.organization_id = a.organization_id and f.file_id = a.file_id
where a.organization_id = :organization_id and a.attachment_id = :attachment_id
