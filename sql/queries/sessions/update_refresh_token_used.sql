-- Uses a refresh token up. No row when it was used before, or when its session would not be let in either: the predicates
-- are those of find_by_token. Of those that come at once one gets the row.
-- returns: maybe
-- scope: tenant
update app.refresh_token r set used_at = now()
from app.session s
join app.user u on u.organization_id = s.organization_id and u.user_id = s.user_id
join app.organization o on o.organization_id = s.organization_id
where r.organization_id = :organization_id and r.token_hash = any(:token_hashes::bytea[])
  and r.used_at is null
  and s.organization_id = r.organization_id and s.session_id = r.session_id
  and s.ended_at is null
  and s.expires_at > now()
  and (s.idle_timeout is null or s.last_active_at + s.idle_timeout > now())
  and u.status = 'active' and u.deleted_at is null
  and o.status = 'active'
returning s.session_id, s.user_id, s.expires_at
