-- Removes what was mailed to the address of a person on behalf of somebody else.
-- returns: count
-- scope: tenant
delete from app.link l
using app.user u
where l.organization_id = :organization_id
  and u.organization_id = l.organization_id and u.user_id = :user_id and u.email_key = lower(l.email)
