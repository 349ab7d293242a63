-- Takes at most so many sign-ups that are older than so many minutes, and tells which were never confirmed.
-- returns: many
-- scope: tenant
with old as materialized (
  select organization_id, user_id from app.sign_up
  where organization_id = :organization_id and created_at < now() - make_interval(mins => :minutes::int)
  order by created_at
  limit :limit::int
  for update skip locked
)
delete from app.sign_up s
using old
join app.user u on u.organization_id = old.organization_id and u.user_id = old.user_id
where s.organization_id = old.organization_id and s.user_id = old.user_id
returning s.user_id, u.status = 'pending' and u.email is null and u.deleted_at is null as unconfirmed
