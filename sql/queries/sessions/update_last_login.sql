-- Records when and from where a person signed in.
-- returns: count
-- scope: tenant
-- nullable: :ip
update app.credential
set last_login_at = now(), last_login_ip = :ip::inet
where organization_id = :organization_id and user_id = :user_id
