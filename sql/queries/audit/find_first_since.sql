-- The number of the first event that is not before a moment: the later event has the higher number.
-- returns: maybe
-- scope: tenant
select sequence
from app.audit_event
where organization_id = :organization_id and created_at >= :moment
order by created_at, sequence
limit 1
