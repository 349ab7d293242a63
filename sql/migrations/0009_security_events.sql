-- What an admin must be able to see of attacks on the organization's people. Written by jobs, after the fact: no
-- decision to let somebody in ever waits for a row here.

create table app.security_event (
  like template.tenant,
  security_event_id uuid not null default app.uuidv7(),
  created_at timestamptz not null default now(),
  kind text not null constraint security_event_kind check (kind in ('login_locked', 'login_unlocked')),
  door text not null constraint security_event_door check (
    door in ('password', 'second_factor', 'recovery_code', 'reset', 'invitation')
  ),
  -- Null when the login that was tried belongs to nobody.
  user_id uuid,
  -- Whether the bucket of a device that had signed in before was locked, or the one that all unknown clients share.
  known_device boolean not null,
  attempts integer not null constraint security_event_attempts_counts check (attempts >= 0),
  locked_until timestamptz,
  constraint security_event_pkey primary key (organization_id, security_event_id),
  constraint security_event_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.security_event is 'Locks of logins and their ends.';
create index security_event_user on app.security_event (organization_id, user_id);
call app.protect('app.security_event');
call app.tag('app.security_event', 'personal, person', 'user_id');
call app.tag('app.security_event', 'none', 'security_event_id', 'kind', 'door');
call app.tag('app.security_event', 'personal, kept', 'known_device', 'attempts', 'locked_until');
grant select, insert, delete on app.security_event to satchel_request;
