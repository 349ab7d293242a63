-- Who has proved their password and may still prove a second factor.
-- returns: maybe
-- scope: tenant
select h.user_id
from app.sign_in_challenge h
join app.organization o on o.organization_id = h.organization_id
where h.organization_id = :organization_id and h.token_hash = any(:token_hashes::bytea[])
  and h.consumed_at is null and h.expires_at > now()
  and o.status = 'active'
