-- Gives up what nobody has worked on for an hour, its job is dead, and what has waited for a day.
-- returns: count
-- scope: tenant
update app.rename
set state = 'failed', failure = 'not_worked_off', finished_at = now()
where organization_id = :organization_id and finished_at is null
  and updated_at < now() - case state when 'waiting' then interval '1 day' else interval '1 hour' end
