-- Uses a challenge up. No row when it was used, has expired, or the password was replaced since. Of two that race one gets
-- the row.
-- returns: maybe
-- scope: tenant
update app.sign_in_challenge h set consumed_at = now()
from app.credential c
where h.organization_id = :organization_id and h.token_hash = any(:token_hashes::bytea[])
  and h.consumed_at is null and h.expires_at > now()
  and c.organization_id = h.organization_id and c.user_id = h.user_id
  and c.password_changed_at is not distinct from h.password_changed_at
returning h.long_lived, c.password_hash, c.last_login_at
