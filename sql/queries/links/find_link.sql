-- Whose link a token is, open or not, and what a password of theirs must not be made of.
-- returns: maybe
-- scope: tenant
-- not null: open
select l.link_id, l.user_id,
  l.consumed_at is null and l.ended_at is null and l.expires_at > now() as open,
  coalesce(l.consumed_at > now() - interval '24 hours', false) as used_lately,
  u.role, u.username, u.full_name, u.email
from app.link l
join app.user u on u.organization_id = l.organization_id and u.user_id = l.user_id
where l.organization_id = :organization_id and l.token_hash = any(:token_hashes::bytea[]) and l.kind = :kind
  and u.deleted_at is null
