-- Records that a server has taken a mail, and forgets the secret of its link.
-- returns: count
-- scope: tenant
update app.mail set state = 'sent', sent_at = now(), sending_until = null, last_error = null, link = null
where organization_id = :organization_id and mail_id = :mail_id and state = 'queued'
