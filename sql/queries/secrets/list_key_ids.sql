-- The names of the secrets this database was used with.
-- returns: many
-- scope: system
select key_id from app.secret_key order by created_at, key_id
