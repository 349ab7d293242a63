-- What the organization has settled about signing in, and its names, which no password may be made of.
-- returns: maybe
-- scope: tenant
select name, slug, settings from app.organization where organization_id = :organization_id
