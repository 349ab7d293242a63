-- The role of somebody who could be asked, who stays as they are until the transaction ends.
-- returns: maybe
-- scope: tenant
select role from app.user
where organization_id = :organization_id and user_id = :user_id and deleted_at is null
for share
