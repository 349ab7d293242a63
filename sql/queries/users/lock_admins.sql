-- The active admins, held until the transaction ends, so that two cannot both be the last to leave. All of them, always
-- in one order, since two that locked each other's first would wait for each other.
-- returns: many
-- scope: tenant
select user_id from app.user
where organization_id = :organization_id and role = 'admin' and status = 'active' and deleted_at is null
order by user_id
for no key update
