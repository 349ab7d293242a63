-- The request that a lesson waits for.
-- returns: maybe
-- scope: tenant
select review_id, reviewer_id from app.review
where organization_id = :organization_id and content_id = :content_id and state = 'pending'
