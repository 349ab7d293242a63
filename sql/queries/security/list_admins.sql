-- Who is told of attacks: the active admins, so many at most.
-- returns: many
-- scope: tenant
select user_id from app.user
where organization_id = :organization_id and role = 'admin' and status = 'active' and deleted_at is null
order by user_id
limit :limit::int
