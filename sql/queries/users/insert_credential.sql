-- Gives a person a password, by its hash, and notes who knows it besides them.
-- returns: count
-- scope: tenant
insert into app.credential (organization_id, user_id, password_hash, pepper_key_id, password_changed_at, password_set_by_id)
values (:organization_id, :user_id, :password_hash, :pepper_key_id, now(), nullif(app.actor(), :user_id))
