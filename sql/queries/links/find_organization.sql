-- Whether the organization that a token names is there and active.
-- returns: maybe
-- scope: tenant
select status from app.organization where organization_id = :organization_id
