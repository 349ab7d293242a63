-- Puts a mail that failed, or was kept, in line again, unless its link has ended meanwhile.
-- returns: count
-- scope: tenant
update app.mail set state = 'queued', sending_until = null, last_error = null
where organization_id = :organization_id and mail_id = :mail_id and state in ('failed', 'kept')
  and (expires_at is null or expires_at > now())
