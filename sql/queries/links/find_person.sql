-- Whose login (an e-mail address or a username, in any case) it is.
-- returns: maybe
-- scope: tenant
select user_id from app.user
where organization_id = :organization_id
  and (email_key = lower(:login) or username_key = lower(:login))
  and deleted_at is null
