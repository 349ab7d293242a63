-- One mail, with whom and what it names.
-- returns: maybe
-- scope: tenant
select m.mail_id, m.user_id, m.template, m.language, m.content, m.link, m.state, m.attempts, m.last_error, m.created_at,
  m.sent_at, u.full_name, o.name as organization
from app.mail m
join app.user u on u.organization_id = m.organization_id and u.user_id = m.user_id
join app.organization o on o.organization_id = m.organization_id
where m.organization_id = :organization_id and m.mail_id = :mail_id
