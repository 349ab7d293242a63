-- The active admins who can sign in, with a password or by a link to their address, held until the transaction ends, so
-- that two cannot both be the last to leave. All of them, always in one order, since two that locked each other's first
-- would wait for each other.
-- returns: many
-- scope: tenant
select u.user_id from app.user u
where u.organization_id = :organization_id and u.role = 'admin' and u.status = 'active' and u.deleted_at is null
  and (
    u.email is not null
    or exists (
      select from app.credential c
      where c.organization_id = u.organization_id and c.user_id = u.user_id and c.password_hash is not null
    )
  )
order by u.user_id
for no key update of u
