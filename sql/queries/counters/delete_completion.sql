-- Takes back that a person has completed a lesson.
-- returns: count
-- scope: tenant
delete from app.completion
where organization_id = :organization_id and content_id = :content_id and user_id = :user_id
