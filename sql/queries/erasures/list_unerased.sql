-- Of these people of a ledger, those who are here and not erased.
-- returns: many
-- scope: tenant
select u.user_id
from app.user u
left join app.erasure e on e.organization_id = u.organization_id and e.user_id = u.user_id
where u.organization_id = :organization_id and u.user_id = any(:user_ids::uuid[]) and e.finished_at is null
order by u.user_id
