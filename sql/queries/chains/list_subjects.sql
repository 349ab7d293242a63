-- Whom events are about by the index of people, event by event.
-- returns: many
-- scope: tenant
-- not null: subject_ids, actions, times
select sequence, array_agg(subject_id order by subject_id) as subject_ids,
  array_agg(distinct action) as actions, array_agg(distinct created_at) as times
from app.audit_subject
where organization_id = :organization_id and sequence > :after and sequence <= :up_to
group by sequence
