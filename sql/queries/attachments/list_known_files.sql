-- Which of these ids are those of files.
-- returns: many
-- scope: tenant
select file_id from app.file where organization_id = :organization_id and file_id = any(:file_ids::uuid[])
