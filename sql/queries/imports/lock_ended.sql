-- How an import has ended, once the batch that was under way when it did has ended as well.
-- returns: maybe
-- scope: tenant
select state from app.import
where organization_id = :organization_id and import_id = :import_id
for update
