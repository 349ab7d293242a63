-- What the entered organization uses and is allowed. Null where the operator has set no limit.
-- returns: one
-- scope: tenant
select
  coalesce(u.people, 0) as people, coalesce(u.storage_bytes, 0) as storage_bytes,
  q.people as people_allowed, q.storage_bytes as storage_bytes_allowed, q.requests_per_minute as requests_per_minute_allowed
from app.organization o
left join app.usage u on u.organization_id = o.organization_id
left join app.quota q on q.organization_id = o.organization_id
where o.organization_id = :organization_id
