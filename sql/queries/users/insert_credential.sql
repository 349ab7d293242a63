-- Gives a person a password, by its hash.
-- returns: count
-- scope: tenant
insert into app.credential (organization_id, user_id, password_hash, pepper_key_id, password_changed_at)
values (:organization_id, :user_id, :password_hash, :pepper_key_id, now())
