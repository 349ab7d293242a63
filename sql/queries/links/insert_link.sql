-- Stores a link by the hash of its token.
-- returns: one
-- scope: tenant
-- nullable: :ip
insert into app.link (organization_id, link_id, kind, user_id, token_hash, email, ip, expires_at)
values (
  :organization_id, :link_id, :kind, :user_id, :token_hash, :email, :ip::inet,
  now() + make_interval(mins => :lifetime_minutes::int)
)
returning expires_at
