-- Whose link a token is, open or not, what their password is, and what another must not be made of.
-- returns: maybe
-- scope: tenant
-- not null: open
select l.link_id, l.user_id,
  l.consumed_at is null and l.ended_at is null and l.expires_at > now() as open,
  coalesce(l.consumed_at > now() - interval '24 hours', false) as used_lately,
  u.role, u.username, u.full_name, u.email, c.password_hash, c.pepper_key_id
from app.link l
join app.user u on u.organization_id = l.organization_id and u.user_id = l.user_id
left join app.credential c on c.organization_id = l.organization_id and c.user_id = l.user_id
where l.organization_id = :organization_id and l.token_hash = any(:token_hashes::bytea[]) and l.kind = :kind
  and u.deleted_at is null
