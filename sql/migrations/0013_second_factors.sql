-- The second factor of signing in: a secret shared with an app, codes for the day the app is lost, and what a person holds
-- between the password and the code.

create table app.second_factor (
  like template.tenant,
  user_id uuid not null,
  like template.timestamps including defaults,
  -- Sealed under a key that is not in the database: a nonce of 12 bytes, a tag of 16, a secret of 20.
  secret bytea not null constraint second_factor_secret_length check (octet_length(secret) = 48),
  -- Null until a code has shown that the app has the secret.
  confirmed_at timestamptz,
  -- No code is taken twice (RFC 6238 §5.2), nor one older than the last.
  last_step integer not null default 0 constraint second_factor_last_step_counts check (last_step >= 0),
  constraint second_factor_pkey primary key (organization_id, user_id),
  constraint second_factor_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.second_factor is 'The secret that a person''s authenticator app shares with us.';
call app.protect('app.second_factor');
call app.keep_time('app.second_factor');
call app.tag('app.second_factor', 'personal, row', 'user_id');
call app.tag('app.second_factor', 'personal', 'confirmed_at');
call app.tag('app.second_factor', 'personal, secret', 'secret', 'last_step');
grant select, insert, update, delete on app.second_factor to satchel_request;

create table app.recovery_code (
  like template.tenant,
  user_id uuid not null,
  -- A keyed hash: 80 random bits need no slow one.
  code_hash bytea not null constraint recovery_code_hash_length check (octet_length(code_hash) = 32),
  created_at timestamptz not null default now(),
  used_at timestamptz,
  constraint recovery_code_pkey primary key (organization_id, user_id, code_hash),
  constraint recovery_code_factor_fkey foreign key (organization_id, user_id) references app.second_factor on delete cascade
);
comment on table app.recovery_code is 'Single-use codes that stand in for a second factor that was lost.';
call app.protect('app.recovery_code');
call app.tag('app.recovery_code', 'personal, row', 'user_id');
call app.tag('app.recovery_code', 'personal, secret', 'code_hash');
call app.tag('app.recovery_code', 'personal', 'used_at');
grant select, insert, update, delete on app.recovery_code to satchel_request;

create table app.sign_in_challenge (
  like template.tenant,
  token_hash bytea not null constraint sign_in_challenge_hash_length check (octet_length(token_hash) = 32),
  created_at timestamptz not null default now(),
  user_id uuid not null,
  -- The password that was proved: when it is replaced, the proof is void.
  password_changed_at timestamptz,
  -- Whether the session that is to come is one of a long-lived client.
  long_lived boolean not null,
  expires_at timestamptz not null,
  consumed_at timestamptz,
  constraint sign_in_challenge_pkey primary key (organization_id, token_hash),
  constraint sign_in_challenge_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.sign_in_challenge is 'A password was right, and the second factor is still to be proved.';
create index sign_in_challenge_user on app.sign_in_challenge (organization_id, user_id);
create index sign_in_challenge_expiry on app.sign_in_challenge (organization_id, expires_at);
call app.protect('app.sign_in_challenge');
call app.tag('app.sign_in_challenge', 'personal, row', 'user_id');
call app.tag('app.sign_in_challenge', 'personal, secret', 'token_hash');
call app.tag('app.sign_in_challenge', 'personal', 'password_changed_at', 'consumed_at');
call app.tag('app.sign_in_challenge', 'none', 'long_lived', 'expires_at');
grant select, insert, update, delete on app.sign_in_challenge to satchel_request;
