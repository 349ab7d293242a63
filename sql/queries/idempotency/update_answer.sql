-- Keeps the answer to the request that claimed this key.
-- returns: count
-- scope: tenant
update app.idempotency set answer = :answer
where organization_id = app.org() and key_hash = :key_hash
