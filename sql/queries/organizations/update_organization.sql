-- Writes what may be changed of the entered organization.
-- returns: one
-- scope: tenant
update app.organization
set name = :name, slug = :slug, type = :type, settings = :settings::json
where organization_id = :organization_id
returning organization_id, name, slug, type, status, settings, version, created_at, updated_at
