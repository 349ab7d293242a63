-- How many people there are, by what. Deleted ones do not count.
-- returns: one
-- scope: tenant
select
  count(*)::int as total,
  (count(*) filter (where status = 'active'))::int as active,
  (count(*) filter (where role = 'student'))::int as students,
  (count(*) filter (where role = 'teacher'))::int as teachers,
  (count(*) filter (where role = 'admin'))::int as admins,
  (count(*) filter (where role = 'parent'))::int as parents,
  (count(*) filter (where created_at > now() - interval '30 days'))::int as created_last_30_days
from app.user
where organization_id = :organization_id and deleted_at is null
