-- Whether one of these is the hash of a set-up code, used up or not. Only spares work: claim_setup_codes decides.
-- returns: one
-- scope: tenant
select exists (
  select from app.setup_code where code_hash = any(:code_hashes::bytea[])
) as exists
