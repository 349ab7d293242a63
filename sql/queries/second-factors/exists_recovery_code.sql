-- Whether a person has this recovery code, unused. Its hash may be under any of the secrets.
-- returns: one
-- scope: tenant
select exists (
  select from app.recovery_code
  where organization_id = :organization_id and user_id = :user_id
    and code_hash = any(:code_hashes::bytea[]) and used_at is null
) as found
