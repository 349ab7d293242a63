-- Which others looked at a person, took their data along or changed something of theirs, newest first. Of what nobody who
-- is known did, only what an operator or a job does to a person: the rest was done by a link, and so by themselves.
-- returns: many
-- scope: tenant
-- nullable: :before
select e.sequence, e.created_at, e.action, e.actor_id, e.target_type, e.details
from app.audit_subject s
join app.audit_event e on e.organization_id = s.organization_id and e.sequence = s.sequence
where s.organization_id = :organization_id and s.subject_id = :subject_id and s.action = any(:actions)
  and e.actor_id is distinct from s.subject_id
  and (e.actor_id is not null or s.action like 'user.%' or s.action like 'erasure.%')
  and (:before::bigint is null or s.sequence < :before)
order by s.sequence desc
limit :limit::int
