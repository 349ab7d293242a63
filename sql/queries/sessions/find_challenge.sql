-- Who has proved their password and may still prove a second factor; null when nobody has. No row when there is no such
-- organization, of which nothing can be recorded.
-- returns: maybe
-- scope: tenant
select (
  select h.user_id from app.sign_in_challenge h
  where h.organization_id = o.organization_id and h.token_hash = any(:token_hashes::bytea[])
    and h.consumed_at is null and h.expires_at > now()
    and o.status = 'active'
) as user_id
from app.organization o
where o.organization_id = :organization_id
