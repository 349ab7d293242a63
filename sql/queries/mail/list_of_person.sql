-- Mail to one person, newest first.
-- returns: many
-- scope: tenant
select m.mail_id, m.template, m.language, m.content, u.full_name, o.name as organization
from app.mail m
join app.user u on u.organization_id = m.organization_id and u.user_id = m.user_id
join app.organization o on o.organization_id = m.organization_id
where m.organization_id = :organization_id and m.user_id = :user_id
order by m.created_at desc, m.mail_id desc
limit :limit::int
