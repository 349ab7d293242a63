-- The live API key of a token, with its person and the cache generations of the organization. What has ended or expired,
-- and a person who is not who they were when it was made, is told by predicates here.
-- returns: maybe
-- scope: tenant
-- not null: needs_touch
select
  k.api_key_id, k.user_id, k.role, k.scopes, o.settings,
  exists (select from app.second_factor f
    where f.organization_id = k.organization_id and f.user_id = k.user_id
      and f.confirmed_at is not null) as has_second_factor,
  k.last_used_at is null or k.last_used_at < now() - interval '1 minute' as needs_touch,
  (select q.requests_per_minute from app.quota q where q.organization_id = :organization_id) as requests_per_minute,
  coalesce((select generation from app.generation g
    where g.organization_id = :organization_id and g.topic = 'organization'), 0) as organization_generation,
  coalesce((select generation from app.generation g
    where g.organization_id = :organization_id and g.topic = 'users'), 0) as users_generation,
  coalesce((select generation from app.generation g
    where g.organization_id = :organization_id and g.topic = 'contents'), 0) as contents_generation
from app.api_key k
join app.user u on u.organization_id = k.organization_id and u.user_id = k.user_id and u.role = k.role
join app.organization o on o.organization_id = k.organization_id
where k.organization_id = :organization_id
  and k.token_hash = any(:token_hashes::bytea[])
  and k.revoked_at is null
  and k.expires_at > now()
  and u.status = 'active' and u.deleted_at is null
  and o.status = 'active'
