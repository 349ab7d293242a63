-- API keys of the organization, newest first, those that have ended too.
-- returns: many
-- scope: tenant
-- nullable: :before_id
select api_key_id, user_id, role, name, hint, scopes, created_at, expires_at, last_used_at, last_used_ip,
  revoked_at, revoked_by_id, revoke_reason
from app.api_key
where organization_id = :organization_id and (:before_id::uuid is null or api_key_id < :before_id)
order by api_key_id desc
limit :limit::int
