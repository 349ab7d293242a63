-- Migrations that were applied here.
-- returns: many
-- scope: system
select name, checksum from app.migration order by name
