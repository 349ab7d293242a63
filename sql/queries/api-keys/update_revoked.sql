-- Revokes an API key. One that is revoked already stays as it is.
-- returns: count
-- scope: tenant
update app.api_key set revoked_at = now(), revoked_by_id = app.actor(), revoke_reason = 'revoked'
where organization_id = :organization_id and api_key_id = :api_key_id and revoked_at is null
