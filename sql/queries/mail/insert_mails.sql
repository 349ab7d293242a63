-- Stores mail to several people that is to be sent or kept.
-- returns: count
-- scope: tenant
insert into app.mail (organization_id, mail_id, user_id, template, language, content, address_hash, link, state, expires_at)
select
  :organization_id, r.mail_id, r.user_id, r.template, r.language, decode(r.content, 'hex'), decode(r.address_hash, 'hex'),
  decode(r.link, 'hex'), r.state, r.expires_at
from json_to_recordset(:mails::json) as r (
  mail_id uuid, user_id uuid, template text, language text, content text, address_hash text, link text, state text,
  expires_at timestamptz
)
