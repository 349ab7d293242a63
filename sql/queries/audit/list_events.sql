-- Events, newest first, with what is still known of where they came from. Times lead to numbers through their index: the
-- later event has the higher number.
-- returns: many
-- scope: tenant
-- nullable: :before, :action, :outcome, :actor_id, :subject_id, :target_id, :since, :until
select e.sequence, e.created_at, e.action, e.outcome, e.actor_id, e.subject_ids, e.target_type, e.target_id, e.details,
  e.hash, o.address, o.user_agent
from app.audit_event e
left join app.audit_origin o on o.organization_id = e.organization_id and o.sequence = e.sequence
where e.organization_id = :organization_id
  and (:before::bigint is null or e.sequence < :before)
  and (:action::text is null or e.action = :action)
  and (:outcome::text is null or e.outcome = :outcome)
  and (:actor_id::uuid is null or e.actor_id = :actor_id)
  and (:target_id::text is null or e.target_id = :target_id)
  and (:subject_id::uuid is null or e.sequence in (
    select s.sequence from app.audit_subject s
    where s.organization_id = :organization_id and s.subject_id = :subject_id
  ))
  and (:since::timestamptz is null or e.sequence >= (
    select t.sequence from app.audit_event t
    where t.organization_id = :organization_id and t.created_at >= :since
    order by t.created_at, t.sequence limit 1
  ))
  and (:until::timestamptz is null or e.sequence < coalesce((
    select t.sequence from app.audit_event t
    where t.organization_id = :organization_id and t.created_at >= :until
    order by t.created_at, t.sequence limit 1
  ), 9223372036854775807))
order by e.sequence desc
limit :limit::int
