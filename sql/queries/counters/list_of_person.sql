-- What a person has completed, the latest first. Lessons that are deleted are left out.
-- returns: many
-- scope: tenant
-- nullable: :before_id
select c.completion_id, c.content_id, c.user_id, c.created_at
from app.completion c
where c.organization_id = :organization_id and c.user_id = :user_id
  and c.completion_id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  and exists (
    select from app.content l
    where l.organization_id = c.organization_id and l.content_id = c.content_id and l.deleted_at is null
  )
order by c.completion_id desc
limit :limit::int
