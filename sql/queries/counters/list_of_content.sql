-- Who has completed a lesson, the latest first.
-- returns: many
-- scope: tenant
-- nullable: :before_id
select c.completion_id, c.content_id, c.user_id, c.created_at
from app.completion c
where c.organization_id = :organization_id and c.content_id = :content_id
  and c.completion_id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
order by c.completion_id desc
limit :limit::int
