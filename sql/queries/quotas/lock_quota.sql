-- What the entered organization is allowed, held until the transaction ends.
-- returns: maybe
-- scope: tenant
select people, storage_bytes, requests_per_minute from app.quota where organization_id = :organization_id for update
