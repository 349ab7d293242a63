-- Whom mail to these people goes to, and in which language.
-- returns: many
-- scope: tenant
select user_id, email, language from app.user
where organization_id = :organization_id and user_id = any(:user_ids::uuid[])
order by user_id
