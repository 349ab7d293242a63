-- Stores links of a kind to several people, each by the hash of its token.
-- returns: many
-- scope: tenant
insert into app.link (organization_id, link_id, kind, user_id, token_hash, email, mailed, expires_at)
select
  :organization_id, r.link_id, :kind, r.user_id, decode(r.token_hash, 'hex'), r.email, true,
  now() + make_interval(mins => :lifetime_minutes::int)
from json_to_recordset(:links::json) as r (link_id uuid, user_id uuid, token_hash text, email text)
returning expires_at
