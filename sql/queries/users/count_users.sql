-- How many people there are to a list with these filters.
-- returns: one
-- scope: tenant
-- nullable: :roles, :statuses, :created_from, :created_before, :words
select count(*)::int as count
from app.user
where organization_id = :organization_id
  and (:include_deleted::boolean or deleted_at is null)
  and (:roles::text[] is null or role = any(:roles::text[]))
  and (:statuses::text[] is null or status = any(:statuses::text[]))
  and (:created_from::timestamptz is null or created_at >= :created_from)
  and (:created_before::timestamptz is null or created_at < :created_before)
  and (:words::text is null or user_id in (select f.user_id from app.search_users(:words) f))
