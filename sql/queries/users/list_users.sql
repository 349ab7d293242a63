-- People in the order in which they were created.
-- returns: many
-- scope: tenant
-- nullable: :roles, :statuses, :created_from, :created_before, :after_id
select user_id, external_id, email, username, full_name, avatar_url, role, status, email_verified_at, time_zone, language,
  version, created_at, updated_at, deleted_at
from app.user
where organization_id = :organization_id
  and (:include_deleted::boolean or deleted_at is null)
  and (:roles::text[] is null or role = any(:roles::text[]))
  and (:statuses::text[] is null or status = any(:statuses::text[]))
  and (:created_from::timestamptz is null or created_at >= :created_from)
  and (:created_before::timestamptz is null or created_at < :created_before)
  and (:after_id::uuid is null or user_id > :after_id)
order by user_id
limit :limit::int
