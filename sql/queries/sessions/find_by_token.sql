-- The live session of a token, with its person and the cache generations of the organization. What has ended, expired or idled out
-- is told by predicates here; pruning only tidies up.
-- returns: maybe
-- scope: tenant
-- not null: needs_touch
select
  s.session_id, s.user_id, u.role, s.authenticated_at, o.settings,
  exists (select from app.second_factor f
    where f.organization_id = s.organization_id and f.user_id = s.user_id
      and f.confirmed_at is not null) as has_second_factor,
  s.last_active_at < now() - interval '1 minute' as needs_touch,
  (select q.requests_per_minute from app.quota q where q.organization_id = :organization_id) as requests_per_minute,
  coalesce((select generation from app.generation g
    where g.organization_id = :organization_id and g.topic = 'organization'), 0) as organization_generation,
  coalesce((select generation from app.generation g
    where g.organization_id = :organization_id and g.topic = 'users'), 0) as users_generation,
  coalesce((select generation from app.generation g
    where g.organization_id = :organization_id and g.topic = 'contents'), 0) as contents_generation
from app.session s
join app.user u on u.organization_id = s.organization_id and u.user_id = s.user_id
join app.organization o on o.organization_id = s.organization_id
where s.organization_id = :organization_id
  and s.token_hash = any(:token_hashes::bytea[])
  and s.ended_at is null
  and s.expires_at > now()
  and (s.token_expires_at is null or s.token_expires_at > now())
  and (s.idle_timeout is null or s.last_active_at + s.idle_timeout > now())
  and u.status = 'active' and u.deleted_at is null
  and o.status = 'active'
