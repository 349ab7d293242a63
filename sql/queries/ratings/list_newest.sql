-- Ratings of a lesson that have a review, newest first, and whether somebody found each helpful.
-- returns: many
-- scope: tenant
-- nullable: :before_id
select rating_id, content_id, user_id, stars, review, hidden_at, helpful_count, created_at, updated_at,
  exists (
    select from app.helpful_vote v
    where v.organization_id = r.organization_id and v.rating_id = r.rating_id and v.user_id = :reader_id
  ) as found_helpful
from app.rating r
where organization_id = :organization_id and content_id = :content_id and deleted_at is null and review is not null
  and (:hidden_too::boolean or hidden_at is null)
  and rating_id < coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
order by rating_id desc
limit :limit::int
