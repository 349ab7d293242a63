-- Claims a key. Waits for another transaction that has claimed it and not ended yet; 0 when the key is taken. The organization is
-- the one that was entered: whoever wraps a transaction is not told whose it is.
-- returns: count
-- scope: tenant
insert into app.idempotency (organization_id, key_hash, request_hash)
values (app.org(), :key_hash, :request_hash)
on conflict (organization_id, key_hash) do nothing
