-- All requests to review a lesson, newest first.
-- returns: many
-- scope: tenant
-- nullable: :before_id
select r.review_id, r.content_id, c.title, r.number, r.state, r.reviewer_id, r.note, r.created_at, r.created_by_id, r.decided_at,
  r.decided_by_id, r.reason
from app.review r
join app.content c on c.organization_id = r.organization_id and c.content_id = r.content_id
where r.organization_id = :organization_id and r.content_id = :content_id and r.deleted_at is null
  and (:before_id::uuid is null or r.review_id < :before_id)
order by r.review_id desc
limit :limit::int
