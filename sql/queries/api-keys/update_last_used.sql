-- Records that an API key is in use, and from where; at most once a minute, however many ask at once.
-- returns: count
-- scope: tenant
-- nullable: :ip
update app.api_key set last_used_at = now(), last_used_ip = :ip::inet
where organization_id = :organization_id and api_key_id = :api_key_id and revoked_at is null
  and (last_used_at is null or last_used_at < now() - interval '1 minute')
