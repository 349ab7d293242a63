-- The entered organization.
-- returns: maybe
-- scope: tenant
select organization_id, name, slug, type, status, settings, version, created_at, updated_at
from app.organization
where organization_id = :organization_id
