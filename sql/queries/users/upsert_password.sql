-- Gives a person a password, by its hash, whether or not they had one.
-- returns: count
-- scope: tenant
insert into app.credential (organization_id, user_id, password_hash, pepper_key_id, password_changed_at)
values (:organization_id, :user_id, :password_hash, :pepper_key_id, now())
on conflict (organization_id, user_id) do update
set password_hash = excluded.password_hash, pepper_key_id = excluded.pepper_key_id, password_changed_at = now()
