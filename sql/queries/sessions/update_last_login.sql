-- Records when and from where a person signed in, unless their password is no longer the one that was verified.
-- returns: count
-- scope: tenant
-- nullable: :ip
update app.credential
set last_login_at = now(), last_login_ip = :ip::inet
where organization_id = :organization_id and user_id = :user_id and password_hash = :verified_hash
