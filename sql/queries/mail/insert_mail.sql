-- Stores a mail that is to be sent or kept.
-- returns: count
-- scope: tenant
-- nullable: :link, :expires_at
insert into app.mail (organization_id, mail_id, user_id, template, language, content, address_hash, link, state, expires_at)
values (:organization_id, :mail_id, :user_id, :template, :language, :content, :address_hash, :link, :state, :expires_at)
