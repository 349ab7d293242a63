-- The import of the organization that has not ended: there is at most one.
-- returns: maybe
-- scope: tenant
select import_id from app.import where organization_id = :organization_id and finished_at is null
