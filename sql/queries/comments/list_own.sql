-- What somebody has written and not deleted, newest first.
-- returns: many
-- scope: tenant
-- nullable: :before_id
select comment_id
from app.comment
where organization_id = :organization_id and author_id = :author_id and deleted_at is null
  and comment_id < case when :before_id::uuid is null then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else :before_id::uuid end
order by comment_id desc
limit :limit::int
