-- Announces bytes that are about to be written.
-- returns: count
-- scope: tenant
insert into app.file (organization_id, file_id, sha256, size)
values (:organization_id, :file_id, decode(:sha256, 'hex'), :size)
