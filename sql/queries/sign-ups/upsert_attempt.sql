-- Counts an attempt from a network, and gives how many there were within the hour, and for how many seconds they still count.
-- returns: one
-- scope: tenant
-- not null: seconds_left
insert into app.sign_up_attempt as a (organization_id, network)
values (:organization_id, :network)
on conflict (organization_id, network) do update
set
  attempts = case when a.since > now() - interval '1 hour' then a.attempts + 1 else 1 end,
  since = case when a.since > now() - interval '1 hour' then a.since else now() end
returning attempts, greatest(1, ceil(extract(epoch from since + interval '1 hour' - now())))::int as seconds_left
