-- Finds a rating that nobody has withdrawn.
-- returns: maybe
-- scope: tenant
select rating_id, content_id, user_id, stars, review, hidden_at, helpful_count, created_at, updated_at
from app.rating
where organization_id = :organization_id and rating_id = :rating_id and deleted_at is null
