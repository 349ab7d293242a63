-- Who has this e-mail address, in whatever case it is written.
-- returns: maybe
-- scope: tenant
select user_id from app.user
where organization_id = :organization_id and email_key = lower(:email) and deleted_at is null
