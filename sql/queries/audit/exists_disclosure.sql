-- Whether somebody was shown a person today in the same way, by the same session or API key, with the same interest. From
-- the side of the person: a program may read thousands of people one by one.
-- returns: one
-- scope: tenant
-- nullable: :target_type, :session_id, :api_key_id
with today as materialized (
  select t.sequence
  from app.audit_event t
  where t.organization_id = :organization_id and t.created_at >= date_trunc('day', now(), 'UTC')
  order by t.created_at, t.sequence
  limit 1
)
select exists (
  select
  from app.audit_subject s
  join app.audit_event e on e.organization_id = s.organization_id and e.sequence = s.sequence
  where s.organization_id = :organization_id and s.subject_id = :subject_id
    and s.sequence >= (select today.sequence from today)
    and e.actor_id = :actor_id and e.action = :action and e.details::text = :details
    and e.target_type is not distinct from :target_type::text
    and e.session_id is not distinct from :session_id::uuid
    and e.api_key_id is not distinct from :api_key_id::uuid
) as known
