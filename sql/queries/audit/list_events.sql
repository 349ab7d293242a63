-- Events, newest first, with what is still known of where they came from.
-- returns: many
-- scope: tenant
-- nullable: :before, :from, :action, :outcome, :actor_id, :api_key_id, :target_id
select e.sequence, e.created_at, e.action, e.outcome, e.actor_id, e.session_id, e.api_key_id, e.subject_ids, e.target_type,
  e.target_id, e.details, e.hash, o.address, o.user_agent
from app.audit_event e
left join app.audit_origin o on o.organization_id = e.organization_id and o.sequence = e.sequence
where e.organization_id = :organization_id
  and (:before::bigint is null or e.sequence < :before)
  and (:from::bigint is null or e.sequence >= :from)
  and (:action::text is null or e.action = :action)
  and (:outcome::text is null or e.outcome = :outcome)
  and (:actor_id::uuid is null or e.actor_id = :actor_id)
  and (:api_key_id::uuid is null or e.api_key_id = :api_key_id)
  and (:target_id::text is null or e.target_id = :target_id)
order by e.sequence desc
limit :limit::int
