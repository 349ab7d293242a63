-- How many origins belong to no event, or to one that had none.
-- returns: one
-- scope: tenant
select count(*) as count
from app.audit_origin o
where o.organization_id = :organization_id
  and not exists (
    select from app.audit_event e
    where e.organization_id = o.organization_id and e.sequence = o.sequence and e.origin_hash is not null
  )
