-- What was answered to the request that claimed this key.
-- returns: one
-- scope: tenant
select request_hash, answer
from app.idempotency
where organization_id = app.org() and key_hash = :key_hash
