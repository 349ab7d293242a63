-- Removes, at most so many at a time, mail that was written thirty days ago or earlier, whatever became of it.
-- returns: count
-- scope: tenant
with old as materialized (
  select mail_id from app.mail
  where organization_id = :organization_id and created_at < now() - interval '30 days'
  order by created_at
  limit :limit::int
  for update skip locked
)
delete from app.mail m
using old
where m.organization_id = :organization_id and m.mail_id = old.mail_id
