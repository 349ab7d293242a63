-- Who has this username, in whatever case it is written.
-- returns: maybe
-- scope: tenant
select user_id from app.user
where organization_id = :organization_id and username_key = lower(:username) and deleted_at is null
