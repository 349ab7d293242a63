-- Takes back that somebody found a review helpful.
-- returns: count
-- scope: tenant
delete from app.helpful_vote
where organization_id = :organization_id and rating_id = :rating_id and user_id = :user_id
