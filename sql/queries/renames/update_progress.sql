-- Says how far a renaming is, in the transaction of what it renamed.
-- returns: count
-- scope: tenant
-- nullable: :after_id
update app.rename
set state = 'running', pass = :pass, after_id = :after_id, pass_count = :pass_count,
  changed_count = changed_count + :changed::int
where organization_id = :organization_id and rename_id = :rename_id and finished_at is null
