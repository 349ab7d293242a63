-- Being signed in, and the guard that counts attempts to be.

create table app.session (
  like template.tenant,
  session_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  user_id uuid not null,
  -- A keyed hash: who reads this table can sign in as nobody.
  token_hash bytea not null constraint session_token_hash_length check (octet_length(token_hash) = 32),
  ip inet,
  user_agent text constraint session_user_agent_length check (char_length(user_agent) <= 512),
  device_type text not null default 'unknown'
    constraint session_device_type check (device_type in ('desktop', 'mobile', 'tablet', 'bot', 'unknown')),
  device_id uuid,
  last_active_at timestamptz not null default now(),
  -- When the person last proved who they are: some changes need a proof that is fresh.
  authenticated_at timestamptz not null default now(),
  expires_at timestamptz not null,
  -- Of a long-lived client: its token expires long before the session does, and is renewed with a refresh token.
  token_expires_at timestamptz,
  idle_timeout interval constraint session_idle_timeout_positive check (idle_timeout > interval '0'),
  ended_at timestamptz,
  end_reason text constraint session_end_reason check (
    end_reason in ('signed_out', 'ended_by_user', 'ended_by_admin', 'password_changed', 'email_changed', 'role_changed', 'status_changed',
      'user_deleted', 'too_many', 'token_reused')
  ),
  constraint session_pkey primary key (organization_id, session_id),
  constraint session_ended_whole check ((ended_at is null) = (end_reason is null)),
  constraint session_expiry_later check (expires_at > created_at),
  constraint session_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.session is 'A device on which a person is signed in, until it ends, idles out or expires.';
create unique index session_token_unique on app.session (organization_id, token_hash);
create index session_live on app.session (organization_id, user_id, session_id) where ended_at is null;
create index session_person on app.session (organization_id, user_id);
create index session_expiry on app.session (organization_id, expires_at);
call app.protect('app.session');
call app.keep_time('app.session');
call app.tag('app.session', 'personal, row', 'user_id');
call app.tag('app.session', 'none', 'session_id', 'expires_at', 'token_expires_at', 'idle_timeout');
call app.tag('app.session', 'personal', 'ip', 'user_agent', 'device_id', 'last_active_at', 'authenticated_at', 'ended_at', 'end_reason');
call app.tag('app.session', 'derived', 'device_type');
call app.tag('app.session', 'personal, secret', 'token_hash');
grant select, insert, update, delete on app.session to satchel_request;

-- One use each (OAuth 2.0 Security, RFC 9700 §4.14): a used one that comes again was stolen, or its successor was. So the
-- used ones stay for as long as their session is known.
create table app.refresh_token (
  like template.tenant,
  token_hash bytea not null constraint refresh_token_hash_length check (octet_length(token_hash) = 32),
  created_at timestamptz not null default now(),
  session_id uuid not null,
  used_at timestamptz,
  constraint refresh_token_pkey primary key (organization_id, token_hash),
  constraint refresh_token_session_fkey foreign key (organization_id, session_id) references app.session on delete cascade
);
comment on table app.refresh_token is 'What a long-lived client renews its session with, and everything it has used up.';
create index refresh_token_session on app.refresh_token (organization_id, session_id);
-- A family never has two ends.
create unique index refresh_token_unused on app.refresh_token (organization_id, session_id) where used_at is null;
call app.protect('app.refresh_token');
call app.tag('app.refresh_token', 'derived', 'token_hash', 'session_id', 'used_at');
grant select, insert, update, delete on app.refresh_token to satchel_request;

-- A trigger and not a statement of each use case: what ends a person's sessions must end them whoever writes it.
create function app.end_sessions() returns trigger
language plpgsql
as $$
begin
  update app.session
  set ended_at = now(), end_reason = case
    when new.deleted_at is not null then 'user_deleted'
    when new.status <> old.status then 'status_changed'
    else 'role_changed'
  end
  where organization_id = new.organization_id and user_id = new.user_id and ended_at is null;
  return null;
end
$$;
comment on function app.end_sessions() is
  'Signs a person out everywhere when they are deleted, get another role or are no longer active.';
create trigger end_sessions after update on app.user for each row
  when (
    (new.deleted_at is not null and old.deleted_at is null)
    or new.role <> old.role
    or (new.status <> old.status and new.status <> 'active')
  )
  execute function app.end_sessions();
grant execute on function app.end_sessions() to satchel_request;

-- Attempts are reserved here before a password is verified (one row lock decides), so that ten thousand guesses at
-- once verify no more than the limit. `sequence` only grows; what counts against the limit is the attempts after
-- `forgiven_sequence`. An unknown login has a row like any other: its key is a keyed hash and tells nothing.
create table app.login_guard (
  like template.tenant,
  guard_key bytea not null constraint login_guard_key_length check (octet_length(guard_key) = 32),
  -- Empty for clients nobody knows; a device that has signed in before has a bucket of its own.
  bucket bytea not null constraint login_guard_bucket_length check (octet_length(bucket) in (0, 16)),
  like template.timestamps including defaults,
  -- A person has a bucket at each door; asking for the password again is the same door as signing in with it.
  door text not null constraint login_guard_door check (
    door in ('password', 'second_factor', 'recovery_code', 'reset', 'invitation')
  ),
  user_id uuid,
  -- Where the last attempt came from: the address, or the /64 of one of IPv6. To see one that tries many.
  network inet,
  sequence bigint not null default 0 constraint login_guard_sequence_counts check (sequence >= 0),
  forgiven_sequence bigint not null default 0
    constraint login_guard_forgiven_range check (forgiven_sequence between 0 and sequence),
  success_sequence bigint not null default 0
    constraint login_guard_success_range check (success_sequence between 0 and sequence),
  -- Attempts that found it locked since the last success. They count for nothing here: whoever is locked out could be
  -- made to stay so.
  turned_away bigint not null default 0 constraint login_guard_turned_away_counts check (turned_away >= 0),
  -- In a row, with no success between.
  locks integer not null default 0 constraint login_guard_locks_counts check (locks >= 0),
  locked_until timestamptz,
  last_attempt_at timestamptz not null default now(),
  constraint login_guard_pkey primary key (organization_id, guard_key, bucket),
  constraint login_guard_organization_fkey foreign key (organization_id) references app.organization on delete cascade,
  constraint login_guard_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.login_guard is 'Attempts to get in, counted before they are verified.';
create index login_guard_user on app.login_guard (organization_id, user_id);
create index login_guard_last_attempt on app.login_guard (organization_id, last_attempt_at);
call app.protect('app.login_guard');
call app.keep_time('app.login_guard');
call app.tag('app.login_guard', 'personal, row', 'user_id');
call app.tag('app.login_guard', 'personal, secret', 'guard_key', 'bucket');
call app.tag('app.login_guard', 'personal', 'network', 'locked_until', 'last_attempt_at');
call app.tag('app.login_guard', 'none', 'door', 'locks', 'turned_away', 'sequence', 'forgiven_sequence', 'success_sequence');
grant select, insert, update, delete on app.login_guard to satchel_request;
