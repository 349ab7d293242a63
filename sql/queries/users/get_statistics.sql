-- How many people there are, by what. Deleted ones do not count.
-- returns: one
-- scope: tenant
select
  count(*)::int as total,
  (count(*) filter (where status = 'active'))::int as active,
  (count(*) filter (where status = 'inactive'))::int as inactive,
  (count(*) filter (where status = 'suspended'))::int as suspended,
  (count(*) filter (where status = 'pending'))::int as pending,
  (count(*) filter (where role = 'student'))::int as students,
  (count(*) filter (where role = 'teacher'))::int as teachers,
  (count(*) filter (where role = 'admin'))::int as admins,
  (count(*) filter (where role = 'parent'))::int as parents,
  (count(*) filter (where new))::int as created_last_30_days,
  (count(*) filter (where new and role = 'student'))::int as new_students,
  (count(*) filter (where new and role = 'teacher'))::int as new_teachers,
  (count(*) filter (where new and role = 'admin'))::int as new_admins,
  (count(*) filter (where new and role = 'parent'))::int as new_parents
from app.user
cross join lateral (select created_at > now() - interval '30 days' as new) n
where organization_id = :organization_id and deleted_at is null
