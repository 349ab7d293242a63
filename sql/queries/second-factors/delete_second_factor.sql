-- Takes a person's second factor away, and its recovery codes with it. Says when it had been confirmed.
-- returns: maybe
-- scope: tenant
delete from app.second_factor where organization_id = :organization_id and user_id = :user_id
returning confirmed_at
