-- Remembers who signed up without a code, until they have confirmed their address or the time for it is over.
-- returns: count
-- scope: tenant
insert into app.sign_up (organization_id, user_id) values (:organization_id, :user_id)
