-- Who of the deleted had this e-mail address or username, in whatever case, or this external id; of several who was deleted last.
-- returns: maybe
-- scope: tenant
-- nullable: :email, :username, :external_id
select user_id from app.user
where organization_id = :organization_id and deleted_at is not null
  and (email_key = lower(:email) or username_key = lower(:username) or external_id = :external_id)
order by deleted_at desc, user_id desc
limit 1
