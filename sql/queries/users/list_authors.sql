-- Who people are as others see them beside what they wrote; deleted ones are not among them.
-- returns: many
-- scope: tenant
select user_id, full_name, avatar_url
from app.user
where organization_id = :organization_id and user_id = any(:user_ids::uuid[]) and deleted_at is null
order by user_id
