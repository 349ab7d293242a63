-- Takes a person's recovery codes away, used or not.
-- returns: count
-- scope: tenant
delete from app.recovery_code where organization_id = :organization_id and user_id = :user_id
