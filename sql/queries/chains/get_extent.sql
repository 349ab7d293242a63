-- How far a chain goes by its head, and how far its rows go, whatever the head says.
-- returns: one
-- scope: tenant
select
  h.sequence, h.hash, h.created_at,
  greatest(
    (select coalesce(max(e.sequence), 0) from app.audit_event e where e.organization_id = :organization_id),
    (select coalesce(max(s.last_sequence), 0) from app.audit_seal s where s.organization_id = :organization_id),
    (select coalesce(max(s.sequence), 0) from app.audit_subject s where s.organization_id = :organization_id),
    (select coalesce(max(o.sequence), 0) from app.audit_origin o where o.organization_id = :organization_id)
  ) as last_row
from (select :organization_id::uuid as organization_id) given
left join app.audit_head h on h.organization_id = given.organization_id
