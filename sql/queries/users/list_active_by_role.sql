-- Active people of one role, in the order in which they were created. Reads the partial index alone.
-- returns: many
-- scope: tenant
-- nullable: :after_id
select user_id, external_id, email, username, full_name, avatar_url, role, status, email_verified_at, time_zone, language,
  version, created_at, updated_at, deleted_at
from app.user
where organization_id = :organization_id
  and role = :role
  and status = 'active' and deleted_at is null
  and (:after_id::uuid is null or user_id > :after_id)
order by user_id
limit :limit::int
