-- Which lesson has this name where it comes from.
-- returns: maybe
-- scope: tenant
select content_id from app.content
where organization_id = :organization_id and source_id = :source_id and deleted_at is null
