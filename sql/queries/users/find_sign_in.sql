-- How a person signs in, when and from where they last did, and whether they may try.
-- returns: maybe
-- scope: tenant
select
  (c.password_hash is not null) as has_password, c.password_changed_at, c.password_set_by_id, c.last_login_at, c.last_login_ip,
  g.locked_until, coalesce(g.locked_until > now(), false) as locked,
  coalesce(g.failed, 0)::int as failed_login_count
from app.user u
left join app.credential c on c.organization_id = u.organization_id and c.user_id = u.user_id
left join lateral (
  select max(g.locked_until) as locked_until, sum(g.sequence - g.success_sequence) as failed
  from app.login_guard g
  where g.organization_id = u.organization_id and g.user_id = u.user_id
) g on true
where u.organization_id = :organization_id and u.user_id = :user_id and u.deleted_at is null
