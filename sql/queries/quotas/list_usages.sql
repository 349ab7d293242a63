-- Organizations in the order of their ids, with what they use and are allowed. For the operator.
-- returns: many
-- scope: system
-- nullable: :after_id
select
  o.organization_id, o.slug, o.status,
  coalesce(u.people, 0) as people, coalesce(u.storage_bytes, 0) as storage_bytes,
  q.people as people_allowed, q.storage_bytes as storage_bytes_allowed, q.requests_per_minute as requests_per_minute_allowed
from app.organization o
left join app.usage u on u.organization_id = o.organization_id
left join app.quota q on q.organization_id = o.organization_id
where :after_id::uuid is null or o.organization_id > :after_id
order by o.organization_id
limit :limit::int
