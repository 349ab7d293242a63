-- A refresh token that was used, held until the transaction ends. `again`: longer ago than requests under way at the same
-- moment can be apart.
-- returns: maybe
-- scope: tenant
-- not null: again
select r.session_id, s.user_id, r.used_at < now() - make_interval(secs => :seconds::int) as again
from app.refresh_token r
join app.session s on s.organization_id = r.organization_id and s.session_id = r.session_id
where r.organization_id = :organization_id and r.token_hash = any(:token_hashes::bytea[])
  and r.used_at is not null
  and s.ended_at is null and s.expires_at > now()
for update of r
