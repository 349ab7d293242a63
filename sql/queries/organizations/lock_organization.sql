-- The entered organization, held until the transaction ends.
-- returns: maybe
-- scope: tenant
select organization_id, name, slug, type, status, settings, version, created_at, updated_at
from app.organization
where organization_id = :organization_id
for update
