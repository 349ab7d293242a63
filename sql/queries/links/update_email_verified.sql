-- Records that a person reads the mailbox of their address, and lets in who was only waiting for that. Never somebody
-- who was shut out.
-- returns: count
-- scope: tenant
update app.user
set email_verified_at = coalesce(email_verified_at, now()),
  status = case status when 'pending' then 'active' else status end
where organization_id = :organization_id and user_id = :user_id and deleted_at is null
