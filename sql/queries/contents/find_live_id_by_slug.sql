-- Which lesson readers see under this slug.
-- returns: maybe
-- scope: tenant
select content_id from app.publication
where organization_id = :organization_id and slug = :slug and deleted_at is null
