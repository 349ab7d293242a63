-- Founds an organization.
-- returns: one
-- scope: tenant
insert into app.organization (organization_id, name, slug, type, settings)
values (:organization_id, :name, :slug, :type, :settings::json)
returning organization_id, name, slug, type, status, settings, version, created_at, updated_at
