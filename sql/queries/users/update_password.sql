-- Replaces a person's password, which they choose themselves, by its hash, unless it is no longer the one that was
-- verified.
-- returns: count
-- scope: tenant
update app.credential
set password_hash = :password_hash, pepper_key_id = :pepper_key_id, password_changed_at = now(),
  password_set_by_id = null
where organization_id = :organization_id and user_id = :user_id and password_hash = :verified_hash
