-- Remembers the names of secrets.
-- returns: count
-- scope: system
insert into app.secret_key (key_id)
select unnest(:key_ids::text[])
on conflict (key_id) do nothing
