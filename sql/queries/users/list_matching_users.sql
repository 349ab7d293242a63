-- People with every given word at the beginning of one of theirs, in any of the orders. The narrow function finds
-- candidates by the index; app.user, under its policy, has the last word.
-- returns: many
-- scope: tenant
-- nullable: :roles, :statuses, :created_from, :created_before, :after_name, :after_id
select u.user_id, u.external_id, u.email, u.username, u.full_name, u.avatar_url, u.role, u.status, u.email_verified_at,
  u.time_zone, u.language, u.version, u.created_at, u.updated_at, u.deleted_at, u.name_key
from app.search_users(:words) f
join app.user u on u.organization_id = :organization_id and u.user_id = f.user_id
where (:include_deleted::boolean or u.deleted_at is null)
  and (:roles::text[] is null or u.role = any(:roles::text[]))
  and (:statuses::text[] is null or u.status = any(:statuses::text[]))
  and (:created_from::timestamptz is null or u.created_at >= :created_from)
  and (:created_before::timestamptz is null or u.created_at < :created_before)
  and (
    :after_id::uuid is null
    or case :sort_order::text
      when 'name' then (u.name_key, u.user_id) > (:after_name, :after_id)
      when 'newest' then u.user_id < :after_id
      else u.user_id > :after_id
    end
  )
order by
  case when :sort_order::text = 'name' then u.name_key end,
  case when :sort_order::text = 'newest' then u.user_id end desc,
  u.user_id
limit :limit::int
