-- Says that a file was worked off, or given up, and forgets it.
-- returns: count
-- scope: tenant
update app.import
set state = :state, finished_at = now(), source = null
where organization_id = :organization_id and import_id = :import_id and finished_at is null
