-- A person with profile, last sign-in and lock.
-- returns: maybe
-- scope: tenant
select
  u.user_id, u.email, u.username, u.full_name, u.avatar_url, u.role, u.status, u.email_verified_at, u.time_zone,
  u.language, u.version, u.created_at, u.updated_at, u.created_by_id, u.updated_by_id, u.deleted_at, u.deleted_by_id,
  c.last_login_at, c.last_login_ip,
  p.bio, p.date_of_birth, p.phone, p.website, p.code_url, p.professional_url, p.skills, p.interests,
  g.locked_until, coalesce(g.locked_until > now(), false) as locked,
  coalesce(g.failed, 0)::int as failed_login_count
from app.user u
left join app.credential c on c.organization_id = u.organization_id and c.user_id = u.user_id
left join app.profile p on p.organization_id = u.organization_id and p.user_id = u.user_id
left join lateral (
  select max(g.locked_until) as locked_until, sum(g.sequence - g.forgiven_sequence) as failed
  from app.login_guard g
  where g.organization_id = u.organization_id and g.user_id = u.user_id
) g on true
where u.organization_id = :organization_id
  and u.user_id = :user_id
  and (:include_deleted::boolean or u.deleted_at is null)
