-- Whether the organization is active.
-- returns: maybe
-- scope: tenant
select status from app.organization where organization_id = :organization_id
