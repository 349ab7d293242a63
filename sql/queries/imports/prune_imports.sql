-- Removes imports that ended a month ago, and what became of their lines.
-- returns: count
-- scope: tenant
delete from app.import
where organization_id = :organization_id and import_id in (
  select import_id from app.import
  where organization_id = :organization_id and finished_at < now() - interval '30 days'
  order by import_id
  limit :limit::int
)
