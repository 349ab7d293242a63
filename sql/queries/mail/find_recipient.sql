-- Whom a mail to this person goes to, and in which language.
-- returns: maybe
-- scope: tenant
select email, language from app.user where organization_id = :organization_id and user_id = :user_id
