-- Makes an API key, with the role that the person has now. None when the person is not active.
-- returns: maybe
-- scope: tenant
insert into app.api_key (organization_id, api_key_id, user_id, role, name, token_hash, hint, scopes, expires_at)
select :organization_id, :api_key_id, u.user_id, u.role, :name, :token_hash, :hint, :scopes, :expires_at
from app.user u
where u.organization_id = :organization_id and u.user_id = :user_id
  and u.status = 'active' and u.deleted_at is null
for update of u
returning api_key_id, user_id, role, name, hint, scopes, created_at, expires_at, last_used_at, last_used_ip,
  revoked_at, revoked_by_id, revoke_reason
