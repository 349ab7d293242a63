-- What stands directly under a lesson or a comment, oldest first: the ids of what a reader sees, and of what is gone but still
-- has visible replies below it.
-- returns: many
-- scope: tenant
-- nullable: :beyond_id
select c.comment_id
from app.comment c
where c.organization_id = :organization_id and c.under_id = :under_id
  and c.comment_id > case when :beyond_id::uuid is null then '00000000-0000-0000-0000-000000000000' else :beyond_id::uuid end
  and (
    (c.deleted_at is null and c.body is not null and (c.state = 'approved' or :unapproved::boolean or c.author_id = :reader_id))
    or app.count_replies(c.organization_id, c.content_id, c.path) > 0
  )
order by c.comment_id
limit :limit::int
