-- The first numbers of events that were kept for as many days as their action must be. The later event has the higher
-- number, so the index of times tells up to which number to look.
-- returns: many
-- scope: tenant
select e.sequence
from unnest(:actions::text[], :days::int[]) as kept (action, days)
cross join lateral (
  select t.sequence
  from app.audit_event t
  where t.organization_id = :organization_id and t.created_at < now() - make_interval(days => kept.days)
  order by t.created_at desc, t.sequence desc
  limit 1
) as last
join app.audit_event e
  on e.organization_id = :organization_id and e.action = kept.action and e.sequence <= last.sequence
order by e.sequence
limit :limit::int
