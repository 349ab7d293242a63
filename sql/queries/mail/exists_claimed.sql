-- Whether another worker is at this mail.
-- returns: one
-- scope: tenant
select exists (
  select from app.mail
  where organization_id = :organization_id and mail_id = :mail_id and state = 'queued' and sending_until >= now()
) as exists
