-- Says that the bytes of a file are there, and holds it; none when it was given up meanwhile.
-- returns: count
-- scope: tenant
update app.file set stored_at = coalesce(stored_at, now())
where organization_id = :organization_id and file_id = :file_id
