-- Mail of an organization, newest first.
-- returns: many
-- scope: tenant
-- nullable: :before_id
select m.mail_id, m.user_id, m.template, m.language, m.content, m.state, m.attempts, m.last_error, m.created_at, m.sent_at
from app.mail m
where m.organization_id = :organization_id and (:before_id::uuid is null or m.mail_id < :before_id)
order by m.mail_id desc
limit :limit::int
