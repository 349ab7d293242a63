-- Events in the order of the chain, with the text that was hashed and where they came from.
-- returns: many
-- scope: tenant
select e.sequence, e.created_at, e.action, e.outcome, e.actor_id, e.session_id, e.api_key_id, e.subject_ids,
  e.target_type, e.target_id,
  e.details::text as details, e.origin_hash, e.hash, o.salt, o.address, o.user_agent, o.person_id,
  o.created_at as origin_at
from app.audit_event e
left join app.audit_origin o on o.organization_id = e.organization_id and o.sequence = e.sequence
where e.organization_id = :organization_id and e.sequence > :after and e.sequence <= :up_to
order by e.sequence
limit :limit::int
