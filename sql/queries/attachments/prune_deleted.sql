-- Removes, at most so many at a time, attachments that were deleted a month ago or earlier. Those that went with their lesson
-- stay as long as it can come back.
-- returns: count
-- scope: tenant
with old as materialized (
  select a.attachment_id from app.attachment a
  where a.organization_id = :organization_id and a.deleted_at < now() - interval '30 days'
    and not exists (
      select from app.content c
      where c.organization_id = a.organization_id and c.content_id = a.content_id and c.deletion_id = a.deletion_id
    )
  order by a.attachment_id
  limit :limit::int
  for update skip locked
)
delete from app.attachment a
using old
where a.organization_id = :organization_id and a.attachment_id = old.attachment_id
