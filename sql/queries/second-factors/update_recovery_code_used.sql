-- Uses a recovery code up. Of two that race one gets the row.
-- returns: count
-- scope: tenant
update app.recovery_code set used_at = now()
where organization_id = :organization_id and user_id = :user_id
  and code_hash = any(:code_hashes::bytea[]) and used_at is null
