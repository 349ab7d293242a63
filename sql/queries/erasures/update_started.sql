-- Marks an erasure as under way, if it is not finished. Also one that was under way before.
-- returns: count
-- scope: tenant
update app.erasure set started_at = coalesce(started_at, now())
where organization_id = :organization_id and user_id = :user_id and finished_at is null
