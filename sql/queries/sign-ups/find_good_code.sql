-- What role a code gives, if it is good at this moment. Only spares work: claim_code decides.
-- returns: maybe
-- scope: tenant
select role from app.sign_up_code
where organization_id = :organization_id and code_hash = any(:code_hashes::bytea[])
  and revoked_at is null and expires_at > now() and uses < uses_allowed
