-- Gives a person another e-mail address, which they have just shown to be theirs.
-- returns: count
-- scope: tenant
update app.user set email = :email, email_verified_at = now()
where organization_id = :organization_id and user_id = :user_id and deleted_at is null
