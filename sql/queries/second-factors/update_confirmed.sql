-- Puts a second factor into force whose secret a code has shown to be in the app, and uses that code up.
-- returns: count
-- scope: tenant
update app.second_factor set confirmed_at = now(), last_step = :step
where organization_id = :organization_id and user_id = :user_id and secret = :secret and confirmed_at is null
