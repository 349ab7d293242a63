-- Remembers that somebody has proved their password and is to prove a second factor within so many minutes. No row when
-- the password is no longer the one that was proved.
-- returns: maybe
-- scope: tenant
insert into app.sign_in_challenge
  (organization_id, token_hash, user_id, password_changed_at, long_lived, expires_at)
select c.organization_id, :token_hash, c.user_id, c.password_changed_at, :long_lived, now() + make_interval(mins => :minutes::int)
from app.credential c
where c.organization_id = :organization_id and c.user_id = :user_id and c.password_hash = :verified_hash
returning expires_at
