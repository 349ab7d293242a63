-- Live comments that somebody has flagged since a moderator last looked, oldest first; as list_unapproved.
-- returns: many
-- scope: tenant
-- nullable: :teacher_id, :after_id
select f.comment_id
from (
  select distinct organization_id, comment_id from app.comment_flag
  where organization_id = :organization_id and resolved_at is null
    and comment_id > case when :after_id::uuid is null then '00000000-0000-0000-0000-000000000000' else :after_id::uuid end
  order by organization_id, comment_id
) f
join app.comment c on c.organization_id = f.organization_id and c.comment_id = f.comment_id
join app.content l on l.organization_id = c.organization_id and l.content_id = c.content_id and l.deleted_at is null
where c.deleted_at is null and c.body is not null
  and (:teacher_id::uuid is null or l.created_by_id = :teacher_id)
order by f.comment_id
limit :limit::int
