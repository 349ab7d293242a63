-- Marks an erasure as finished.
-- returns: count
-- scope: tenant
update app.erasure set finished_at = now()
where organization_id = :organization_id and user_id = :user_id and started_at is not null and finished_at is null
