-- Marks an erasure as under way, if it is not finished. Also one that was under way before: for how long.
-- returns: maybe
-- scope: tenant
-- not null: running_seconds
update app.erasure set started_at = coalesce(started_at, now())
where organization_id = :organization_id and user_id = :user_id and finished_at is null
returning requested_at, extract(epoch from now() - started_at)::float8 as running_seconds
