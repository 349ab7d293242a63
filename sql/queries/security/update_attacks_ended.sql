-- Ends the attacks of which nothing was seen for an hour, the time over which they are counted.
-- returns: count
-- scope: tenant
update app.attack
set ended_at = now()
where organization_id = :organization_id and ended_at is null and last_seen_at < now() - interval '1 hour'

