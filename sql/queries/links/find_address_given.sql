-- The address that somebody gave when they signed up and have not confirmed yet.
-- returns: maybe
-- scope: tenant
select l.email
from app.link l
join app.user u on u.organization_id = l.organization_id and u.user_id = l.user_id and u.email is null
where l.organization_id = :organization_id and l.user_id = :user_id and l.kind = 'verification' and l.consumed_at is null
order by l.link_id desc
limit 1
