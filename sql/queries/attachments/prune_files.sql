-- Removes, at most so many at a time, files that no attachment names: whose upload ended an hour ago or earlier without its
-- end, and whose last attachment is gone.
-- returns: count
-- scope: tenant
with old as materialized (
  select f.file_id from app.file f
  where f.organization_id = :organization_id and f.uses = 0
    and (f.stored_at is not null or f.created_at < now() - interval '1 hour')
    and not exists (
      select from app.attachment a where a.organization_id = f.organization_id and a.file_id = f.file_id
    )
  order by f.file_id
  limit :limit::int
  for update skip locked
)
delete from app.file f
using old
where f.organization_id = :organization_id and f.file_id = old.file_id
