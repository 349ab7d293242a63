-- Live comments in a state other than approved, of live lessons, oldest first; of one author's lessons, or of all.
-- returns: many
-- scope: tenant
-- nullable: :teacher_id, :after_id
select c.comment_id
from app.comment c
join app.content l on l.organization_id = c.organization_id and l.content_id = c.content_id and l.deleted_at is null
where c.organization_id = :organization_id and c.state = :state and c.state <> 'approved'
  and c.deleted_at is null and c.body is not null
  and (:teacher_id::uuid is null or l.created_by_id = :teacher_id)
  and c.comment_id > case when :after_id::uuid is null then '00000000-0000-0000-0000-000000000000' else :after_id::uuid end
order by c.comment_id
limit :limit::int
