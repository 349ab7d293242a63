-- What the organization has settled about signing in.
-- returns: maybe
-- scope: tenant
select status, settings from app.organization where organization_id = :organization_id
