-- Active admins besides one person, held until the transaction ends, so that two cannot both be the last to leave.
-- returns: many
-- scope: tenant
select user_id from app.user
where organization_id = :organization_id and role = 'admin' and status = 'active' and deleted_at is null
  and user_id <> :user_id
order by user_id
for update
