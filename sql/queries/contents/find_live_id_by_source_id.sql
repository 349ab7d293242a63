-- Which lesson, of those that readers see, has this name where it comes from.
-- returns: maybe
-- scope: tenant
select content_id from app.publication
where organization_id = :organization_id and source_id = :source_id and deleted_at is null
