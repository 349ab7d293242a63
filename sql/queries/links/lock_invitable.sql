-- Those of these people who can be invited: they have an address and no password, are not shut out, and were mailed fewer
-- invitations than may be within the last hour. Held until the transaction ends, always in one order.
-- returns: many
-- scope: tenant
-- not null: email
select u.user_id, u.email
from app.user u
where u.organization_id = :organization_id and u.user_id = any(:user_ids::uuid[]) and u.deleted_at is null
  and u.email is not null and u.status in ('active', 'pending')
  and not exists (
    select from app.credential c
    where c.organization_id = u.organization_id and c.user_id = u.user_id and c.password_hash is not null
  )
  and (
    select count(*) from app.link l
    where l.organization_id = u.organization_id and l.user_id = u.user_id and l.kind = 'invitation'
      and l.created_at > now() - interval '1 hour'
  ) < :most::int
order by u.user_id
for no key update of u
