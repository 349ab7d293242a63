-- Gives a session a refresh token, by its hash. It has one at most that is unused.
-- returns: count
-- scope: tenant
insert into app.refresh_token (organization_id, token_hash, session_id)
values (:organization_id, :token_hash, :session_id)
