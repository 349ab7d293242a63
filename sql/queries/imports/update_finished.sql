-- Says that a file was worked off, or will not be, and forgets it. One that has ended stays as it is.
-- returns: count
-- scope: tenant
-- nullable: :failure
update app.import
set state = :state, failure = :failure, finished_at = now(), source = null
where organization_id = :organization_id and import_id = :import_id and finished_at is null
