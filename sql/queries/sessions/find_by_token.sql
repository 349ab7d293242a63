-- The live session of a token, with its person and the cache generations of the organization. What has ended, expired or idled out
-- is told by predicates here; pruning only tidies up. A proof of who somebody is counts for so many seconds, and no longer
-- than until they have a second factor: it was given without that.
-- returns: maybe
-- scope: tenant
-- not null: needs_touch, fresh, fresh_until
select
  s.session_id, s.user_id, u.role, o.settings,
  proof.fresh_until, proof.fresh_until > now() as fresh,
  f.user_id is not null as has_second_factor,
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
left join app.second_factor f on f.organization_id = s.organization_id and f.user_id = s.user_id
  and f.confirmed_at is not null
cross join lateral (
  select case
    when f.confirmed_at > s.authenticated_at then s.authenticated_at
    else s.authenticated_at + make_interval(secs => :fresh_seconds::int)
  end as fresh_until
) proof
where s.organization_id = :organization_id
  and s.token_hash = any(:token_hashes::bytea[])
  and s.ended_at is null
  and s.expires_at > now()
  and (s.token_expires_at is null or s.token_expires_at > now())
  and (s.idle_timeout is null or s.last_active_at + s.idle_timeout > now())
  and u.status = 'active' and u.deleted_at is null
  and o.status = 'active'
