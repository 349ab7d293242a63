-- Gives up what nobody has worked on for an hour: its job is dead.
-- returns: count
-- scope: tenant
update app.import
set state = 'failed', finished_at = now(), source = null
where organization_id = :organization_id and finished_at is null and updated_at < now() - interval '1 hour'
