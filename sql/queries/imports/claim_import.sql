-- Takes a file that is not worked off yet, and says that it is being worked off.
-- returns: maybe
-- scope: tenant
-- not null: source
update app.import
set state = 'running'
where organization_id = :organization_id and import_id = :import_id and finished_at is null
returning source, format, dry_run, invite, proven, requested_by_id, api_key_id
