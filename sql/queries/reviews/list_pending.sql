-- What waits for a review, the longest first: all of it, what somebody was asked for, or what is for one person to do, who
-- was asked or did not ask themselves.
-- returns: many
-- scope: tenant
-- nullable: :reviewer_id, :for_id, :after_id
select r.review_id, r.content_id, c.title, r.number, r.state, r.reviewer_id, r.note, r.created_at, r.created_by_id, r.decided_at,
  r.decided_by_id, r.reason
from app.review r
join app.content c on c.organization_id = r.organization_id and c.content_id = r.content_id
where r.organization_id = :organization_id and r.state = 'pending' and r.deleted_at is null
  and (:reviewer_id::uuid is null or r.reviewer_id = :reviewer_id)
  and (:for_id::uuid is null or r.reviewer_id = :for_id or (r.reviewer_id is null and r.created_by_id is distinct from :for_id))
  and (:after_id::uuid is null or r.review_id > :after_id)
order by r.review_id
limit :limit::int
