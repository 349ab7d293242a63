-- Whose session a refresh token is of, used or not, live or not; null when nobody has it. No row when there is no such
-- organization, of which nothing can be recorded.
-- returns: maybe
-- scope: tenant
select (
  select s.user_id
  from app.refresh_token r
  join app.session s on s.organization_id = r.organization_id and s.session_id = r.session_id
  where r.organization_id = o.organization_id and r.token_hash = any(:token_hashes::bytea[])
) as user_id
from app.organization o
where o.organization_id = :organization_id
