-- Suspends, closes or reactivates the entered organization.
-- returns: one
-- scope: tenant
update app.organization
set status = :status
where organization_id = :organization_id
returning organization_id, name, slug, type, status, settings, version, created_at, updated_at
