-- Records why a mail was not sent, and whether it is given up.
-- returns: count
-- scope: tenant
update app.mail
set state = case when :given_up::boolean then 'failed' else 'queued' end, sending_until = null, last_error = :last_error
where organization_id = :organization_id and mail_id = :mail_id and state = 'queued'
