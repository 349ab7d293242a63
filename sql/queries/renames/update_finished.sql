-- Says that a renaming was worked off, or will not be. One that has ended stays as it is.
-- returns: maybe
-- scope: tenant
-- nullable: :failure
update app.rename
set state = case when :failure::text is null then 'finished' else 'failed' end, failure = :failure, finished_at = now()
where organization_id = :organization_id and rename_id = :rename_id and finished_at is null
returning subject, changed_count
