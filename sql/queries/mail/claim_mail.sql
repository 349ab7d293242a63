-- Takes a mail for one attempt to send it, unless another worker is at it. One that failed is taken again when its job
-- is brought back.
-- returns: maybe
-- scope: tenant
update app.mail m
set attempts = m.attempts + 1, state = 'queued', sending_until = now() + make_interval(secs => :seconds::int)
from app.user u
join app.organization o on o.organization_id = u.organization_id
where m.organization_id = :organization_id and m.mail_id = :mail_id
  and m.state in ('queued', 'failed')
  and (m.sending_until is null or m.sending_until < now())
  and u.organization_id = m.organization_id and u.user_id = m.user_id
returning m.template, m.language, m.content, m.link, u.full_name, o.name as organization,
  coalesce(m.expires_at < now(), false) as expired, u.deleted_at is not null as deleted,
  o.status <> 'active' as shut
