-- Brings a deleted person back, but for one whose erasure was asked for.
-- returns: count
-- scope: tenant
update app.user
set deleted_at = null, deleted_by_id = null, deletion_id = null
where organization_id = :organization_id and user_id = :user_id and deleted_at is not null
  and not exists (select from app.erasure e where e.organization_id = :organization_id and e.user_id = :user_id)
