-- Uses a good code once. Whoever else uses it waits for the end of the transaction, so that it is never used too often.
-- returns: maybe
-- scope: tenant
update app.sign_up_code
set uses = uses + 1
where organization_id = :organization_id and code_hash = any(:code_hashes::bytea[])
  and revoked_at is null and expires_at > now() and uses < uses_allowed
returning sign_up_code_id, role
