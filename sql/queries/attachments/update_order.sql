-- Puts the live attachments of a lesson into an order; those that stand right already are left alone.
-- returns: count
-- scope: tenant
update app.attachment a set position = o.place
from unnest(:attachment_ids::uuid[]) with ordinality o (attachment_id, place)
where a.organization_id = :organization_id and a.content_id = :content_id and a.attachment_id = o.attachment_id
  and a.deleted_at is null and a.position <> o.place
