-- Forgets every attempt at a person's logins, on all devices, and with them every lock.
-- returns: count
-- scope: tenant
delete from app.login_guard where organization_id = :organization_id and user_id = :user_id
