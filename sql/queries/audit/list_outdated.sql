-- The first numbers of events that were kept for as many days as their action must be.
-- returns: many
-- scope: tenant
select e.sequence
from unnest(:actions::text[], :days::int[]) as kept (action, days)
join app.audit_event e
  on e.organization_id = :organization_id and e.action = kept.action
  and e.created_at < now() - make_interval(days => kept.days)
order by e.sequence
limit :limit::int
