-- Gives up a file whose bytes nobody names.
-- returns: count
-- scope: tenant
delete from app.file
where organization_id = :organization_id and file_id = :file_id and stored_at is null
