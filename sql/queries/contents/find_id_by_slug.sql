-- Which lesson has this slug, as its authors have it.
-- returns: maybe
-- scope: tenant
select content_id from app.content
where organization_id = :organization_id and slug = :slug and deleted_at is null
