-- Mail to people: what is to be sent, what was, and what stays in the mailbox because there is no SMTP server.

create table app.mail (
  like template.tenant,
  mail_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  user_id uuid not null,
  template text not null constraint mail_template check (template in (
    'verify_email', 'invitation', 'reset_password', 'confirm_email', 'email_changed', 'password_changed', 'new_device',
    'login_locked', 'second_factor_changed', 'attack_suspected', 'session_reused',
    'already_registered', 'confirm_sign_up', 'api_key_created'
  )),
  language text not null constraint mail_language check (language in ('en', 'es')),
  -- Recipient and values, encrypted: who reads this table learns neither.
  content bytea not null,
  -- A keyed hash of the recipient, by which erasing a person finds what was mailed to their address for somebody else.
  address_hash bytea not null constraint mail_address_hash_length check (octet_length(address_hash) = 32),
  -- The secret of a link, encrypted, and gone once the mail was handed to a server.
  link bytea,
  -- `kept` is for the mailbox: no SMTP server was configured when it was written.
  state text not null constraint mail_state check (state in ('queued', 'kept', 'sent', 'failed')),
  attempts integer not null default 0 constraint mail_attempts_counts check (attempts >= 0),
  -- The kind of the last failure, such as ETIMEDOUT or 550. Never what the server said: that names the recipient.
  last_error text constraint mail_last_error_form check (last_error ~ '^[A-Za-z0-9_]{1,40}$'),
  -- Until then one worker is at it, and no other starts.
  sending_until timestamptz,
  sent_at timestamptz,
  -- Its link is good for nothing then: not to be sent any more.
  expires_at timestamptz,
  constraint mail_pkey primary key (organization_id, mail_id),
  constraint mail_sent_time check ((state = 'sent') = (sent_at is not null)),
  constraint mail_sent_link check (state <> 'sent' or link is null),
  constraint mail_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.mail is 'Mail to people: queued, kept in the mailbox, sent or failed.';
create index mail_user on app.mail (organization_id, user_id);
create index mail_address on app.mail (organization_id, address_hash);
create index mail_created on app.mail (organization_id, created_at);
call app.protect('app.mail');
call app.keep_time('app.mail');
call app.tag('app.mail', 'personal, row', 'user_id');
call app.tag('app.mail', 'none', 'mail_id', 'template', 'state', 'attempts', 'last_error', 'sending_until', 'expires_at');
call app.tag('app.mail', 'personal', 'language', 'sent_at');
-- Sealed: as they lie here they are of no use to anybody.
call app.tag('app.mail', 'personal, secret', 'content', 'address_hash', 'link');
grant select, insert, update, delete on app.mail to satchel_request;
