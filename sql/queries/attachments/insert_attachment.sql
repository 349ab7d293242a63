-- Hangs a file on a lesson: at a place, or after what hangs there already.
-- returns: one
-- scope: tenant
-- nullable: :position
insert into app.attachment (organization_id, attachment_id, content_id, file_id, name, description, media_type, position)
values (
  :organization_id, :attachment_id, :content_id, :file_id, :name, :description, :media_type,
  coalesce(:position::integer, (
    select coalesce(max(o.position), 0) + 1 from app.attachment o
    where o.organization_id = :organization_id and o.content_id = :content_id and o.deleted_at is null
  ))
)
returning attachment_id
