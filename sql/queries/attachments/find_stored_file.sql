-- The file of the organization that has these bytes.
-- returns: maybe
-- scope: tenant
select file_id from app.file
where organization_id = :organization_id and sha256 = decode(:sha256, 'hex') and stored_at is not null
