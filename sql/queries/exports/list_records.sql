-- All that is kept about a person, the newest rows of each table, and how many there are.
-- returns: many
-- scope: tenant
-- not null: kind, table_name, total, records
select kind, table_name, total, records from app.person_records(:user_id, :limit::int)
