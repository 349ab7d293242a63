-- Whom of some people somebody was not shown today in the same way, by the same session or API key, with the same interest.
-- returns: many
-- scope: tenant
-- nullable: :target_type, :session_id, :api_key_id
-- not null: subject_id
with today as materialized (
  select t.sequence
  from app.audit_event t
  where t.organization_id = :organization_id and t.created_at >= date_trunc('day', now(), 'UTC')
  order by t.created_at, t.sequence
  limit 1
),
-- Few: each names only people whom none before it did.
shown as materialized (
  select e.sequence
  from app.audit_event e
  where e.organization_id = :organization_id and e.sequence >= (select today.sequence from today)
    and e.actor_id = :actor_id and e.action = :action and e.details::text = :details
    and e.target_type is not distinct from :target_type::text
    and e.session_id is not distinct from :session_id::uuid
    and e.api_key_id is not distinct from :api_key_id::uuid
)
select p.subject_id from unnest(:subject_ids::uuid[]) as p (subject_id)
except
select s.subject_id
from shown
join app.audit_subject s on s.organization_id = :organization_id and s.sequence = shown.sequence
