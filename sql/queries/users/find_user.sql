-- A person with profile. Everything here moves the version when it changes.
-- returns: maybe
-- scope: tenant
select
  u.user_id, u.external_id, u.email, u.username, u.full_name, u.avatar_url, u.role, u.status, u.email_verified_at,
  u.time_zone, u.language, u.version, u.created_at, u.updated_at, u.created_by_id, u.updated_by_id, u.deleted_at,
  u.deleted_by_id,
  p.bio, p.date_of_birth, p.phone, p.website, p.code_url, p.professional_url, p.skills, p.interests
from app.user u
left join app.profile p on p.organization_id = u.organization_id and p.user_id = u.user_id
where u.organization_id = :organization_id
  and u.user_id = :user_id
  and (:include_deleted::boolean or u.deleted_at is null)
