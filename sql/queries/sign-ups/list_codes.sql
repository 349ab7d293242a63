-- Codes of an organization, newest first, those that are good no more among them.
-- returns: many
-- scope: tenant
-- nullable: :before_id
select sign_up_code_id, role, uses_allowed, uses, expires_at, revoked_at, created_by_id, created_at
from app.sign_up_code
where organization_id = :organization_id and (:before_id::uuid is null or sign_up_code_id < :before_id)
order by sign_up_code_id desc
limit :limit::int
