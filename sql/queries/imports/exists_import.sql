-- Whether there is such an import.
-- returns: one
-- scope: tenant
select exists (select from app.import where organization_id = :organization_id and import_id = :import_id) as found
