-- People in the order in which they were created.
-- returns: many
-- scope: tenant
-- nullable: :role, :status, :after_id
select user_id, email, username, full_name, avatar_url, role, status, email_verified_at, time_zone, language, version,
  created_at, updated_at, deleted_at
from app.user
where organization_id = :organization_id
  and (:include_deleted::boolean or deleted_at is null)
  and (:role::text is null or role = :role)
  and (:status::text is null or status = :status)
  and (:after_id::uuid is null or user_id > :after_id)
order by user_id
limit :limit::int
