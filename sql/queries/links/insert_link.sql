-- Stores a link by the hash of its token.
-- returns: one
-- scope: tenant
-- nullable: :ip, :session_id
insert into app.link (organization_id, link_id, kind, user_id, token_hash, email, network, session_id, mailed, expires_at)
values (
  :organization_id, :link_id, :kind, :user_id, :token_hash, :email,
  network(set_masklen(:ip::inet, case family(:ip::inet) when 6 then 64 else 32 end))::inet, :session_id,
  :mailed, now() + make_interval(mins => :lifetime_minutes::int)
)
returning expires_at
