-- Keys for programs: the rights of whoever made one, or fewer, with nobody at the keyboard.

create table app.api_key (
  like template.tenant,
  api_key_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  -- Whose rights it has.
  user_id uuid not null,
  -- As it was when the key was made. A key is not for whatever the person may do later.
  role text not null constraint api_key_role check (role in ('student', 'teacher', 'admin', 'parent')),
  name text not null constraint api_key_name_length check (char_length(name) between 1 and 100),
  -- A keyed hash: who reads this table can act as nobody.
  token_hash bytea not null constraint api_key_token_hash_length check (octet_length(token_hash) = 32),
  -- The last letters, by which people tell one from another.
  hint text not null constraint api_key_hint_length check (char_length(hint) = 4),
  scopes text[] not null constraint api_key_scopes_some check (cardinality(scopes) between 1 and 50),
  expires_at timestamptz not null,
  last_used_at timestamptz,
  last_used_ip inet,
  revoked_at timestamptz,
  revoked_by_id uuid,
  revoke_reason text constraint api_key_revoke_reason check (
    revoke_reason in ('revoked', 'role_changed', 'status_changed', 'user_deleted', 'password_changed')
  ),
  constraint api_key_pkey primary key (organization_id, api_key_id),
  constraint api_key_revoked_whole check ((revoked_at is null) = (revoke_reason is null)),
  constraint api_key_expiry check (expires_at > created_at and expires_at <= created_at + interval '366 days'),
  constraint api_key_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade,
  constraint api_key_revoked_by_fkey foreign key (organization_id, revoked_by_id) references app.user
    on delete set null (revoked_by_id)
);
comment on table app.api_key is 'What a program shows instead of a session, until it expires or is revoked.';
create unique index api_key_token_unique on app.api_key (organization_id, token_hash);
create index api_key_person on app.api_key (organization_id, user_id);
create index api_key_revoked_by on app.api_key (organization_id, revoked_by_id);
call app.protect('app.api_key');
call app.keep_time('app.api_key');
call app.tag('app.api_key', 'personal, row', 'user_id');
call app.tag('app.api_key', 'none', 'api_key_id', 'role', 'scopes', 'expires_at');
call app.tag('app.api_key', 'personal', 'name', 'last_used_at', 'last_used_ip', 'revoked_at', 'revoke_reason');
call app.tag('app.api_key', 'personal, reference', 'revoked_by_id');
call app.tag('app.api_key', 'personal, secret', 'token_hash', 'hint');
grant select, insert, update, delete on app.api_key to satchel_request;

-- As app.end_sessions does for sessions: what takes rights from a person takes their keys, whoever writes it.
create function app.revoke_api_keys() returns trigger
language plpgsql
as $$
begin
  update app.api_key
  set revoked_at = now(), revoked_by_id = app.actor(), revoke_reason = case
    when new.deleted_at is not null then 'user_deleted'
    when new.status <> old.status then 'status_changed'
    else 'role_changed'
  end
  where organization_id = new.organization_id and user_id = new.user_id and revoked_at is null;
  return null;
end
$$;
comment on function app.revoke_api_keys() is
  'Revokes a person''s API keys when they are deleted, get another role or are no longer active.';
create trigger revoke_api_keys after update on app.user for each row
  when (
    (new.deleted_at is not null and old.deleted_at is null)
    or new.role <> old.role
    or (new.status <> old.status and new.status <> 'active')
  )
  execute function app.revoke_api_keys();
grant execute on function app.revoke_api_keys() to satchel_request;

-- Whoever had the password may have made keys with it. Not at a rehash: that is the same password.
create function app.revoke_api_keys_of_password() returns trigger
language plpgsql
as $$
begin
  update app.api_key
  set revoked_at = now(), revoked_by_id = app.actor(), revoke_reason = 'password_changed'
  where organization_id = new.organization_id and user_id = new.user_id and revoked_at is null;
  return null;
end
$$;
comment on function app.revoke_api_keys_of_password() is
  'Revokes a person''s API keys when they get another password, whoever sets it.';
create trigger revoke_api_keys after update on app.credential for each row
  when (new.password_changed_at is distinct from old.password_changed_at)
  execute function app.revoke_api_keys_of_password();
grant execute on function app.revoke_api_keys_of_password() to satchel_request;
