-- Gives a person recovery codes, by their hashes.
-- returns: count
-- scope: tenant
insert into app.recovery_code (organization_id, user_id, code_hash)
select :organization_id, :user_id, unnest(:code_hashes::bytea[])
