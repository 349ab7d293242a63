-- Whose session a refresh token is of, used or not, live or not.
-- returns: maybe
-- scope: tenant
select s.user_id
from app.refresh_token r
join app.session s on s.organization_id = r.organization_id and s.session_id = r.session_id
where r.organization_id = :organization_id and r.token_hash = any(:token_hashes::bytea[])
