-- Finds what a person thinks of a lesson.
-- returns: maybe
-- scope: tenant
select rating_id, content_id, user_id, stars, review, hidden_at, helpful_count, created_at, updated_at
from app.rating
where organization_id = :organization_id and content_id = :content_id and user_id = :user_id and deleted_at is null
