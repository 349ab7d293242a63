// Written by `bun run sql`. Do not edit.

/** One file of sql/migrations. The checksum is the SHA-256 of the text, in hexadecimal. */
export interface Migration {
  readonly name: string;
  readonly checksum: string;
  readonly text: string;
}

/** In the order in which they are applied. */
export const migrations: readonly Migration[] = [
  {
    name: "0001_foundations",
    checksum: "4678d63f4c6b83d266b8221f9de78d278940ff4547b7ddef555ecf6aad44dcd2",
    text: `-- The parts every table is made of, each defined once, because a rule pasted into every table is soon broken in one.

-- Column groups: a table takes them over with \`like template.… including defaults including constraints\`.
create schema template;
comment on schema template is 'Column groups that tables are made of. Never holds a row.';

-- The twelve bits after the version hold the part of the millisecond (RFC 9562 §6.2, method 3): what was made later sorts
-- later within a millisecond too, or the history of a busy row would be out of order.
create function app.uuidv7() returns uuid
language sql volatile parallel safe
return (
  select encode(
    overlay(
      uuid_send(gen_random_uuid())
      placing substring(int8send(microseconds / 1000) from 3) || int2send((28672 + microseconds % 1000 * 4096 / 1000)::smallint)
      from 1 for 8
    ),
    'hex')::uuid
  from (select (extract(epoch from clock_timestamp()) * 1000000)::bigint as microseconds) clock
);
comment on function app.uuidv7() is
  'A version 7 UUID (RFC 9562 §5.7). PostgreSQL has one of its own only from 18 on.';

-- The setting is '' and not null once a transaction that had set it has ended, hence nullif.
create function app.org() returns uuid
language sql stable parallel safe
return nullif(current_setting('app.org_id', true), '')::uuid;
comment on function app.org() is 'The organization that this transaction has entered, or null.';

create function app.actor() returns uuid
language sql stable parallel safe
return nullif(current_setting('app.user_id', true), '')::uuid;
comment on function app.actor() is 'The user on whose behalf this transaction acts, or null for the system.';

-- plpgsql and not sql: the order of its statements is guaranteed by the language.
create function app.enter(organization uuid, actor uuid) returns void
language plpgsql volatile
as $$
begin
  if organization is null then
    raise exception 'an organization must be named' using errcode = 'null_value_not_allowed';
  end if;
  if coalesce(current_setting('app.org_id', true), '') not in ('', organization::text) then
    raise exception 'this transaction has entered another organization'
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  perform set_config('app.org_id', organization::text, true),
          set_config('app.user_id', coalesce(actor::text, ''), true);
end
$$;
comment on function app.enter(uuid, uuid) is
  'Enters an organization until the transaction ends. Refuses to change to another one.';

create table template.tenant (
  organization_id uuid not null
);

create table template.timestamps (
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table template.audit (
  version integer not null default 1 constraint version_positive check (version > 0),
  created_by_id uuid default app.actor(),
  updated_by_id uuid default app.actor()
);

create table template.soft_delete (
  deleted_at timestamptz,
  deleted_by_id uuid,
  -- Rows of one deletion share this mark, so that a restore brings back exactly what the deletion took along.
  deletion_id uuid,
  constraint deleted_whole check ((deleted_at is null) = (deletion_id is null))
);

create function app.touch() returns trigger
language plpgsql
as $$
begin
  new.created_at := old.created_at;
  -- now() stands still within a transaction; a second update in it must still be seen as later.
  new.updated_at := greatest(now(), old.updated_at + interval '1 microsecond');
  return new;
end
$$;
comment on function app.touch() is 'Moves updated_at on every update, raw SQL included.';

create function app.touch_audited() returns trigger
language plpgsql
as $$
begin
  new.created_at := old.created_at;
  -- An author may be forgotten (a reference does so when the person is removed), never replaced.
  if new.created_by_id is not null then
    new.created_by_id := old.created_by_id;
  end if;
  new.updated_at := greatest(now(), old.updated_at + interval '1 microsecond');
  new.updated_by_id := app.actor();
  new.version := old.version + 1;
  return new;
end
$$;
comment on function app.touch_audited() is 'Moves updated_at and version and records the acting user on every update.';

-- What every write leaves behind. The request role may read it, nothing else: the triggers below write it.
create table app.history (
  like template.tenant,
  history_id uuid not null default app.uuidv7(),
  table_name text not null,
  row_id uuid not null,
  version integer,
  action text not null constraint history_action check (action in ('insert', 'update', 'delete')),
  actor_id uuid default app.actor(),
  before jsonb,
  after jsonb,
  created_at timestamptz not null default now(),
  constraint history_pkey primary key (organization_id, history_id)
);
comment on table app.history is 'Every change of every audited row: who, when, before, after.';
create index history_row on app.history (organization_id, table_name, row_id, history_id);

-- Statement level with transition tables: a bulk insert of a thousand rows is one insert here, not a thousand.
-- With the owner's rights, so that nobody else needs a right to write here and no record can be made up.
create function app.keep_history() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
-- The plan that is kept was made for one row. A nested loop would compare each row of a batch with each other one.
set enable_nestloop = off
as $$
begin
  if tg_op = 'INSERT' then
    insert into app.history (organization_id, table_name, row_id, version, action, after)
    select n.organization_id, tg_table_name, (doc ->> tg_argv[0])::uuid, (doc ->> 'version')::integer, 'insert', doc
    from new_rows n cross join lateral to_jsonb(n) as doc;
  elsif tg_op = 'DELETE' then
    insert into app.history (organization_id, table_name, row_id, version, action, before)
    select o.organization_id, tg_table_name, (doc ->> tg_argv[0])::uuid, (doc ->> 'version')::integer, 'delete', doc
    from old_rows o cross join lateral to_jsonb(o) as doc;
  else
    -- Only the columns that changed: a corrected typing mistake in a title must not store the body twice more.
    -- Materialized: otherwise each row would be turned into a document once for each of its columns.
    insert into app.history (organization_id, table_name, row_id, version, action, before, after)
    with
      n as materialized (
        select r.organization_id, (doc ->> tg_argv[0])::uuid as id, doc from new_rows r cross join lateral to_jsonb(r) as doc
      ),
      o as materialized (
        select r.organization_id, (doc ->> tg_argv[0])::uuid as id, doc from old_rows r cross join lateral to_jsonb(r) as doc
      )
    select organization_id, tg_table_name, id, (coalesce(n.doc, o.doc) ->> 'version')::integer,
      case when o.doc is null then 'insert' when n.doc is null then 'delete' else 'update' end,
      case when n.doc is null then o.doc when o.doc is not null then changed.before end,
      case when o.doc is null then n.doc when n.doc is not null then changed.after end
    from n
    -- Full: a row that is given another id is gone under the old one and new under the other.
    full join o using (organization_id, id)
    cross join lateral (
      select jsonb_object_agg(b.key, b.value) as before, jsonb_object_agg(b.key, n.doc -> b.key) as after
      from jsonb_each(o.doc) b
      where b.value is distinct from n.doc -> b.key
    ) changed;
  end if;
  return null;
end
$$;
comment on function app.keep_history() is 'Writes app.history for one statement. Its argument names the id column.';

-- Who may do what with the rows of an organization. A permissive base for each command, and one restrictive policy
-- that has the last word: whatever other policy is added later, a foreign row stays out of sight and out of reach.
create procedure app.protect(target regclass)
language plpgsql
as $$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('create policy request_select on %s for select to satchel_request using (true)', target);
  execute format('create policy request_insert on %s for insert to satchel_request with check (true)', target);
  execute format('create policy request_update on %s for update to satchel_request using (true) with check (true)', target);
  execute format('create policy request_delete on %s for delete to satchel_request using (true)', target);
  execute format(
    'create policy own_organization on %s as restrictive for all to satchel_request
       using (organization_id = (select app.org())) with check (organization_id = (select app.org()))', target);
end
$$;

create procedure app.keep_time(target regclass)
language plpgsql
as $$
begin
  execute format('create trigger touch before update on %s for each row execute function app.touch()', target);
end
$$;

create procedure app.record_history(target regclass, id_column text)
language plpgsql
as $$
begin
  execute format(
    'create trigger history_insert after insert on %s referencing new table as new_rows
       for each statement execute function app.keep_history(%L)', target, id_column);
  execute format(
    'create trigger history_update after update on %s referencing old table as old_rows new table as new_rows
       for each statement execute function app.keep_history(%L)', target, id_column);
  execute format(
    'create trigger history_delete after delete on %s referencing old table as old_rows
       for each statement execute function app.keep_history(%L)', target, id_column);
end
$$;

create procedure app.audit(target regclass, id_column text)
language plpgsql
as $$
begin
  execute format('create trigger touch before update on %s for each row execute function app.touch_audited()', target);
  call app.record_history(target, id_column);
end
$$;

call app.protect('app.history');
grant select on app.history to satchel_request;
-- The triggers write as the table's owner, whom FORCE binds as well.
create policy owner_insert on app.history for insert to satchel_owner with check (true);
grant usage on schema app to satchel_request, satchel_system, satchel_search;
grant execute on function app.uuidv7(), app.org(), app.actor(), app.enter(uuid, uuid), app.touch(), app.touch_audited()
  to satchel_request;
grant execute on function app.org() to satchel_search, satchel_system;
`,
  },
  {
    name: "0002_organizations",
    checksum: "c8395bf24450120e6088a6dc143644c12be20811d4ddcf7e65037394ffdf0a6b",
    text: `-- The tenant itself, its cache generations, and the codes that allow one to be founded.

create table app.organization (
  organization_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  like template.audit including defaults including constraints,
  name text not null constraint organization_name_length check (char_length(name) between 1 and 200),
  slug text not null constraint organization_slug_form check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and char_length(slug) between 2 and 63),
  type text not null default 'school'
    constraint organization_type check (type in ('school', 'district', 'university', 'company', 'other')),
  status text not null default 'active'
    constraint organization_status check (status in ('active', 'suspended', 'closed')),
  -- json, not jsonb: what was written comes back with its keys in the order they were written.
  settings json not null default '{}' constraint organization_settings_object check (json_typeof(settings) = 'object'),
  constraint organization_pkey primary key (organization_id)
);
comment on table app.organization is 'A tenant: a school or another body whose data nobody else may see.';
-- The one unique key that spans organizations: before sign-in the slug is all that is known.
create unique index organization_slug_unique on app.organization (slug);
call app.protect('app.organization');
call app.audit('app.organization', 'organization_id');
grant select, insert, update on app.organization to satchel_request;
-- The system role finds an organization by its slug and walks through all of them; their settings are not its business.
create policy system_select on app.organization for select to satchel_system using (true);
grant select (organization_id, slug, status) on app.organization to satchel_system;

-- Bumped last in a writing transaction and read together with the session: a cache key that holds the generation can
-- never answer with a state older than the last acknowledged write.
create table app.generation (
  like template.tenant,
  topic text not null constraint generation_topic check (topic in ('organization', 'users', 'contents')),
  generation bigint not null default 1 constraint generation_positive check (generation > 0),
  constraint generation_pkey primary key (organization_id, topic),
  constraint generation_organization_fkey foreign key (organization_id) references app.organization
    on delete cascade deferrable initially deferred
);
comment on table app.generation is 'How often what is cached under a topic has changed.';
call app.protect('app.generation');
grant select, insert, update on app.generation to satchel_request;

-- In the order of the topics, so that two transactions can never wait for each other here.
create function app.bump_generations(topics text[]) returns void
language sql volatile
begin atomic
  insert into app.generation as g (organization_id, topic)
  select app.org(), topic from unnest(topics) as topic order by topic
  on conflict (organization_id, topic) do update set generation = g.generation + 1;
end;
comment on function app.bump_generations(text[]) is 'Marks topics of the entered organization as changed.';
grant execute on function app.bump_generations(text[]) to satchel_request;

create table app.setup_code (
  code_hash bytea not null constraint setup_code_hash_length check (octet_length(code_hash) = 32),
  -- Made by a start without any organization; the first organization ends all such codes.
  first boolean not null,
  created_at timestamptz not null default now(),
  consumed_at timestamptz,
  constraint setup_code_pkey primary key (code_hash)
);
comment on table app.setup_code is 'Single-use codes that allow an organization to be founded. Only their keyed hash is kept.';
grant select, update (consumed_at) on app.setup_code to satchel_request;
grant select (first, consumed_at, created_at), insert, delete on app.setup_code to satchel_system;

create table app.secret_key (
  key_id text not null constraint secret_key_id_form check (key_id ~ '^[0-9a-f]{12}$'),
  created_at timestamptz not null default now(),
  constraint secret_key_pkey primary key (key_id)
);
comment on table app.secret_key is
  'Names of the secrets this database was used with. A node with an unknown secret would refuse every session.';
grant select, insert on app.secret_key to satchel_system;
`,
  },
  {
    name: "0003_users",
    checksum: "a49340f112f0d14085a48e1a1159c001d177e6b538ed8b69a77e56f6f89b99a8",
    text: `-- The people of an organization. What signs a person in lies apart from what describes them.

create table app.user (
  like template.tenant,
  user_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  like template.audit including defaults including constraints,
  like template.soft_delete including constraints,
  -- Pupils need none.
  email text constraint user_email_form check (
    email ~ '^[^@[:space:][:cntrl:]]{1,64}@[^@[:space:][:cntrl:]]+\\.[^@.[:space:][:cntrl:]]{2,}$'
    and email !~ '\\.\\.|^\\.|\\.@|@\\.|@-' and char_length(email) <= 254
  ),
  -- Without @: a username must never be read as somebody else's e-mail address.
  username text not null constraint user_username_form check (username ~ '^[[:alnum:]]([[:alnum:]._-]{0,62}[[:alnum:]])?$'),
  full_name text not null constraint user_full_name_length check (char_length(full_name) between 1 and 200),
  avatar_url text constraint user_avatar_url_form check (avatar_url ~ '^https?://[^[:space:]]+$' and char_length(avatar_url) <= 2048),
  role text not null default 'student' constraint user_role check (role in ('student', 'teacher', 'admin', 'parent')),
  status text not null default 'active'
    constraint user_status check (status in ('active', 'inactive', 'suspended', 'pending')),
  email_verified_at timestamptz,
  time_zone text not null default 'UTC' constraint user_time_zone_form check (time_zone ~ '^[A-Za-z][A-Za-z0-9_+/-]{1,63}$'),
  language text not null default 'en' constraint user_language_form check (language ~ '^[a-z]{2,8}(-[A-Za-z0-9]{1,8})*$'),
  constraint user_pkey primary key (organization_id, user_id),
  constraint user_organization_fkey foreign key (organization_id) references app.organization,
  constraint user_created_by_fkey foreign key (organization_id, created_by_id) references app.user on delete set null (created_by_id),
  constraint user_updated_by_fkey foreign key (organization_id, updated_by_id) references app.user on delete set null (updated_by_id),
  constraint user_deleted_by_fkey foreign key (organization_id, deleted_by_id) references app.user on delete set null (deleted_by_id)
);
comment on table app.user is 'A person of one organization. Another organization knows nothing of them.';
create unique index user_email_unique on app.user (organization_id, lower(email)) where deleted_at is null;
create unique index user_username_unique on app.user (organization_id, lower(username)) where deleted_at is null;
-- Active means status active and not deleted; the list of active people by role reads this index alone.
create index user_active on app.user (organization_id, role, user_id) where status = 'active' and deleted_at is null;
create index user_created_by on app.user (organization_id, created_by_id);
create index user_updated_by on app.user (organization_id, updated_by_id);
create index user_deleted_by on app.user (organization_id, deleted_by_id);
call app.protect('app.user');
call app.audit('app.user', 'user_id');
grant select, insert, update on app.user to satchel_request;

-- Apart from app.user, so that no list of people can ever carry a hash, and so that signing in changes no version.
create table app.credential (
  like template.tenant,
  user_id uuid not null,
  like template.timestamps including defaults,
  password_hash text constraint credential_password_hash_form check (
    password_hash ~ '^\\$argon2id\\$v=19\\$m=[0-9]+,t=[0-9]+,p=[0-9]+\\$[A-Za-z0-9+/]{22,}\\$[A-Za-z0-9+/]{43,}$'
  ),
  -- Which secret peppered the hash.
  pepper_key_id text,
  password_changed_at timestamptz,
  last_login_at timestamptz,
  last_login_ip inet,
  constraint credential_pkey primary key (organization_id, user_id),
  constraint credential_pepper check ((password_hash is null) = (pepper_key_id is null)),
  constraint credential_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.credential is 'How a person signs in, and when and from where they last did.';
call app.protect('app.credential');
call app.keep_time('app.credential');
grant select, insert, update on app.credential to satchel_request;

create table app.profile (
  like template.tenant,
  user_id uuid not null,
  like template.timestamps including defaults,
  bio text constraint profile_bio_length check (char_length(bio) <= 5000),
  date_of_birth date constraint profile_date_of_birth_range check (date_of_birth >= '1900-01-01'),
  phone text constraint profile_phone_form check (phone ~ '^\\+?[0-9][0-9 ()./-]{3,30}$'),
  website text constraint profile_website_form check (website ~ '^https?://[^[:space:]]+$' and char_length(website) <= 2048),
  code_url text constraint profile_code_url_form check (code_url ~ '^https?://[^[:space:]]+$' and char_length(code_url) <= 2048),
  professional_url text constraint profile_professional_url_form check (professional_url ~ '^https?://[^[:space:]]+$' and char_length(professional_url) <= 2048),
  skills text[] not null default '{}' constraint profile_skills_count check (cardinality(skills) <= 100),
  interests text[] not null default '{}' constraint profile_interests_count check (cardinality(interests) <= 100),
  -- At most one profile a person: their id is its key.
  constraint profile_pkey primary key (organization_id, user_id),
  constraint profile_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.profile is 'What a person tells about themselves.';
call app.protect('app.profile');
call app.keep_time('app.profile');
call app.record_history('app.profile', 'user_id');
grant select, insert, update on app.profile to satchel_request;
`,
  },
  {
    name: "0004_sessions",
    checksum: "a458a30ea3ada4183e0f53aa967baba6af77d742f275506a53a3fd726ddf320b",
    text: `-- Being signed in, and the guard that counts attempts to be.

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
  idle_timeout interval constraint session_idle_timeout_positive check (idle_timeout > interval '0'),
  ended_at timestamptz,
  end_reason text constraint session_end_reason check (
    end_reason in ('signed_out', 'ended_by_user', 'password_changed', 'role_changed', 'status_changed', 'user_deleted', 'too_many')
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
grant select, insert, update, delete on app.session to satchel_request;

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
-- once verify no more than the limit. \`sequence\` only grows; what counts against the limit is the attempts after
-- \`forgiven_sequence\`. An unknown login has a row like any other: its key is a keyed hash and tells nothing.
create table app.login_guard (
  like template.tenant,
  guard_key bytea not null constraint login_guard_key_length check (octet_length(guard_key) = 32),
  -- Empty for clients nobody knows; a device that has signed in before has a bucket of its own.
  bucket bytea not null constraint login_guard_bucket_length check (octet_length(bucket) in (0, 16)),
  like template.timestamps including defaults,
  user_id uuid,
  sequence bigint not null default 0 constraint login_guard_sequence_counts check (sequence >= 0),
  forgiven_sequence bigint not null default 0
    constraint login_guard_forgiven_range check (forgiven_sequence between 0 and sequence),
  success_sequence bigint not null default 0
    constraint login_guard_success_range check (success_sequence between 0 and sequence),
  locked_until timestamptz,
  last_attempt_at timestamptz not null default now(),
  constraint login_guard_pkey primary key (organization_id, guard_key, bucket),
  constraint login_guard_organization_fkey foreign key (organization_id) references app.organization on delete cascade,
  constraint login_guard_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.login_guard is 'Attempts to sign in, counted before they are verified.';
create index login_guard_user on app.login_guard (organization_id, user_id);
create index login_guard_last_attempt on app.login_guard (organization_id, last_attempt_at);
call app.protect('app.login_guard');
call app.keep_time('app.login_guard');
grant select, insert, update, delete on app.login_guard to satchel_request;
`,
  },
  {
    name: "0005_contents",
    checksum: "72b00ea86b47d8ba61d88cb85aac7ed823b290ac3b453dae0fb491623f7bedab",
    text: `-- What is taught. The organization's own numbering (source_id) makes importing the same book twice harmless.

create table app.content (
  like template.tenant,
  content_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  like template.audit including defaults including constraints,
  like template.soft_delete including constraints,
  source_id text constraint content_source_id_length check (char_length(source_id) between 1 and 200),
  title text not null constraint content_title_length check (char_length(title) between 1 and 300),
  slug text not null constraint content_slug_form check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and char_length(slug) <= 200),
  description text not null default '' constraint content_description_length check (char_length(description) <= 5000),
  body text not null default '' constraint content_body_length check (octet_length(body) <= 4194304),
  content_type text not null default 'lesson'
    constraint content_type check (content_type in ('lesson', 'tutorial', 'exercise', 'quiz', 'project', 'reference')),
  difficulty_level text not null default 'beginner'
    constraint content_difficulty_level check (difficulty_level in ('beginner', 'intermediate', 'advanced', 'expert')),
  status text not null default 'draft'
    constraint content_status check (status in ('draft', 'pending_review', 'approved', 'rejected', 'published', 'archived')),
  language text not null default 'en' constraint content_language_form check (language ~ '^[a-z]{2,10}(-[A-Za-z0-9]{1,8})*$'),
  tags text[] not null default '{}' constraint content_tags_count check (cardinality(tags) <= 100),
  prerequisites text[] not null default '{}' constraint content_prerequisites_count check (cardinality(prerequisites) <= 100),
  learning_objectives text[] not null default '{}'
    constraint content_learning_objectives_count check (cardinality(learning_objectives) <= 100),
  -- json, not jsonb: a document comes back with its keys in the order in which they were written.
  metadata json not null default '{}' constraint content_metadata_object check (json_typeof(metadata) = 'object'),
  settings json not null default '{}' constraint content_settings_object check (json_typeof(settings) = 'object'),
  estimated_duration_minutes integer
    constraint content_estimated_duration_range check (estimated_duration_minutes between 1 and 100000),
  published_at timestamptz,
  reviewed_at timestamptz,
  reviewed_by_id uuid,
  constraint content_pkey primary key (organization_id, content_id),
  constraint content_published_time check ((status = 'published') = (published_at is not null)),
  constraint content_organization_fkey foreign key (organization_id) references app.organization,
  constraint content_created_by_fkey foreign key (organization_id, created_by_id) references app.user on delete set null (created_by_id),
  constraint content_updated_by_fkey foreign key (organization_id, updated_by_id) references app.user on delete set null (updated_by_id),
  constraint content_deleted_by_fkey foreign key (organization_id, deleted_by_id) references app.user on delete set null (deleted_by_id),
  constraint content_reviewed_by_fkey foreign key (organization_id, reviewed_by_id) references app.user on delete set null (reviewed_by_id)
);
comment on table app.content is 'A lesson, tutorial, exercise, quiz, project or reference in its latest version.';
-- Only live rows compete for a slug; a deleted one, and the earlier versions kept in app.history, may share it.
create unique index content_slug_unique on app.content (organization_id, slug) where deleted_at is null;
create unique index content_source_unique on app.content (organization_id, source_id) where deleted_at is null;
create index content_live on app.content (organization_id, content_id) where deleted_at is null;
create index content_published on app.content (organization_id, content_id) where status = 'published' and deleted_at is null;
create index content_created_by on app.content (organization_id, created_by_id);
create index content_updated_by on app.content (organization_id, updated_by_id);
create index content_deleted_by on app.content (organization_id, deleted_by_id);
create index content_reviewed_by on app.content (organization_id, reviewed_by_id);
call app.protect('app.content');
call app.audit('app.content', 'content_id');
grant select, insert, update on app.content to satchel_request;
`,
  },
  {
    name: "0006_search",
    checksum: "7c091b23c76782bf25cb2fa820df29f04b70e3186a6b9f63c64a16a5216b487c",
    text: `-- The search index, kept apart from the lessons: writing a lesson must not wait for its words to be indexed, and the
-- narrow role that may read this table across row-level security must find nothing in it but words.

-- Under a policy the planner may use an index only for leakproof operators, and \`@@\` is not one (30 ms against 0.9 ms
-- on 200,000 rows). So one function, owned by a role that sees this table alone, finds the candidates by the index,
-- and the caller joins them back to app.content, where the policy has the last word.

create function app.search_configuration(language text) returns regconfig
language sql immutable parallel safe
return case split_part(language, '-', 1)
  when 'ar' then 'pg_catalog.arabic'::regconfig
  when 'hy' then 'pg_catalog.armenian'::regconfig
  when 'eu' then 'pg_catalog.basque'::regconfig
  when 'ca' then 'pg_catalog.catalan'::regconfig
  when 'da' then 'pg_catalog.danish'::regconfig
  when 'nl' then 'pg_catalog.dutch'::regconfig
  when 'en' then 'pg_catalog.english'::regconfig
  when 'fi' then 'pg_catalog.finnish'::regconfig
  when 'fr' then 'pg_catalog.french'::regconfig
  when 'de' then 'pg_catalog.german'::regconfig
  when 'el' then 'pg_catalog.greek'::regconfig
  when 'hi' then 'pg_catalog.hindi'::regconfig
  when 'hu' then 'pg_catalog.hungarian'::regconfig
  when 'id' then 'pg_catalog.indonesian'::regconfig
  when 'ga' then 'pg_catalog.irish'::regconfig
  when 'it' then 'pg_catalog.italian'::regconfig
  when 'lt' then 'pg_catalog.lithuanian'::regconfig
  when 'ne' then 'pg_catalog.nepali'::regconfig
  when 'no' then 'pg_catalog.norwegian'::regconfig
  when 'nb' then 'pg_catalog.norwegian'::regconfig
  when 'nn' then 'pg_catalog.norwegian'::regconfig
  when 'pt' then 'pg_catalog.portuguese'::regconfig
  when 'ro' then 'pg_catalog.romanian'::regconfig
  when 'ru' then 'pg_catalog.russian'::regconfig
  when 'sr' then 'pg_catalog.serbian'::regconfig
  when 'es' then 'pg_catalog.spanish'::regconfig
  when 'sv' then 'pg_catalog.swedish'::regconfig
  when 'ta' then 'pg_catalog.tamil'::regconfig
  when 'tr' then 'pg_catalog.turkish'::regconfig
  when 'yi' then 'pg_catalog.yiddish'::regconfig
  else 'pg_catalog.simple'::regconfig
end;
comment on function app.search_configuration(text) is
  'The text search configuration of a language (ISO 639-1): how its words are stemmed. \`simple\` where there is none.';

-- To PostgreSQL's parser everything beyond ASCII is a letter where the database's character type is C, as in the embedded
-- one: “loop” would be another word than loop, and ¿qué than qué. So what typography puts around words is taken away
-- before the parser sees it. The marks that are common in lessons become control characters, from which they are brought
-- back for a snippet.
create function app.plain_punctuation(words text) returns text
language sql immutable parallel safe
return translate(
  words,
  U&'\\0001\\0002\\0003\\0004\\0005\\0006\\0007\\0008\\000B\\000C\\000E\\000F\\0010\\0011'
    || U&'\\0012\\0013\\0014\\0015\\0016\\0017\\0018\\0019\\001A\\001B\\001C\\001D\\001E\\001F'
    || '“”‘’«»–—…¿¡−→×÷°·±′•≤≥≠≈∞∑∫√'
    || U&'\\00AD\\200B\\200E\\200F\\202A\\202B\\202C\\202D\\202E\\2060\\2066\\2067\\2068\\2069\\FEFF\\E000\\E001',
  repeat(' ', 28)
    || U&'\\0001\\0002\\0003\\0004\\0005\\0006\\0007\\0008\\000B\\000C\\000E\\000F\\0010\\0011'
    || U&'\\0012\\0013\\0014\\0015\\0016\\0017\\0018\\0019\\001A\\001B\\001C\\001D\\001E\\001F'
);
comment on function app.plain_punctuation(text) is
  'The text with control characters for its typographic marks, and without what cannot be seen.';

create function app.typographic_punctuation(words text) returns text
language sql immutable parallel safe
return translate(
  words,
  U&'\\0001\\0002\\0003\\0004\\0005\\0006\\0007\\0008\\000B\\000C\\000E\\000F\\0010\\0011'
    || U&'\\0012\\0013\\0014\\0015\\0016\\0017\\0018\\0019\\001A\\001B\\001C\\001D\\001E\\001F',
  '“”‘’«»–—…¿¡−→×÷°·±′•≤≥≠≈∞∑∫√'
);
comment on function app.typographic_punctuation(text) is 'Undoes app.plain_punctuation, but for what it left out.';

create function app.search_text(words text) returns text
language sql immutable parallel safe
return translate(
  app.plain_punctuation(words),
  '‐‑'
    || U&'\\00A0\\2000\\2001\\2002\\2003\\2004\\2005\\2006\\2007\\2008\\2009\\200A\\202F\\205F\\3000'
    || '„‚‹›‒―§¶©®™¬←↑↓↔⇐⇒⇔∂∇∏∝∠∥∬∮∴∼≃≅≡≪≫⊥⋅⋯∙∓″‖†‡〈'
    || '〉⟨⟩、。，：；！？（）「」『』《》【】・،؛؟۔।॥״׳',
  '--' || repeat(' ', 88)
);
comment on function app.search_text(text) is 'The text as it is indexed and asked for: its words, apart.';

create table app.content_search (
  like template.tenant,
  content_id uuid not null,
  like template.timestamps including defaults,
  -- The version of the lesson whose words these are: an older one never overwrites a newer one.
  version integer not null constraint content_search_version_positive check (version > 0),
  language text not null,
  document tsvector not null,
  constraint content_search_pkey primary key (organization_id, content_id),
  constraint content_search_content_fkey foreign key (organization_id, content_id) references app.content on delete cascade
);
comment on table app.content_search is 'The words of each published lesson.';
-- The organization leads the index: without it one school's query would walk through every school's words. No list of
-- pending entries: after an import every search would read it whole, everybody's, or the planner none of this index; the
-- job that writes here has time.
create index content_search_document on app.content_search using gin (organization_id, document) with (fastupdate = off);
create index content_search_language on app.content_search (organization_id, language);
call app.protect('app.content_search');
call app.keep_time('app.content_search');
grant select, insert, update, delete on app.content_search to satchel_request;
grant execute on function app.search_configuration(text), app.plain_punctuation(text), app.typographic_punctuation(text),
  app.search_text(text) to satchel_request, satchel_search;

create policy search_select on app.content_search for select to satchel_search using (true);
grant select (organization_id, content_id, language, document) on app.content_search to satchel_search;

-- The best matches after (after_score, after_id), best first. With no language each lesson is searched in its own, so
-- the query is stemmed once for each language that the organization has (found by skipping through its index).
create function app.search_contents(
  query text, in_language text, after_score real, after_id uuid, at_most integer
) returns table (content_id uuid, score real)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  organization uuid := app.org();
  tongue text;
  terms tsquery;
begin
  for tongue in
    with recursive tongues as (
      (select s.language from app.content_search s
       where s.organization_id = organization and in_language is null order by s.language limit 1)
      union all
      (select (select s.language from app.content_search s
               where s.organization_id = organization and s.language > t.language order by s.language limit 1)
       from tongues t where t.language is not null)
    )
    select t.language from tongues t where t.language is not null
    union all select in_language where in_language is not null
  loop
    terms := websearch_to_tsquery(app.search_configuration(tongue), app.search_text(query));
    continue when numnode(terms) = 0;
    return query
      select found.content_id, found.score
      from (
        select s.content_id, ts_rank_cd('{0.1, 0.2, 0.4, 1.0}', s.document, terms, 1) as score
        from app.content_search s
        where s.organization_id = organization and s.language = tongue and s.document @@ terms
      ) found
      where after_score is null or (found.score, found.content_id) < (after_score, after_id)
      order by found.score desc, found.content_id desc
      limit at_most;
  end loop;
end
$$;
comment on function app.search_contents(text, text, real, uuid, integer) is
  'Finds lessons of the entered organization by their words: ids and scores, nothing else.';
grant execute on function app.search_contents(text, text, real, uuid, integer) to satchel_request;
-- A function's owner must be able to create in its schema at the moment it is given to them, and only then.
grant create on schema app to satchel_search;
alter function app.search_contents(text, text, real, uuid, integer) owner to satchel_search;
revoke create on schema app from satchel_search;
`,
  },
  {
    name: "0007_idempotency",
    checksum: "b6dd7b79e758c4a773f84acde74a6d99c532a234ccd01a6fd7816746d9752472",
    text: `-- Answers kept for a repeated request. The row goes in first, in the transaction of the effect: the second of two
-- equal requests waits for it and then finds the answer.

create table app.idempotency (
  like template.tenant,
  key_hash bytea not null constraint idempotency_key_hash_length check (octet_length(key_hash) = 32),
  request_hash bytea not null constraint idempotency_request_hash_length check (octet_length(request_hash) = 32),
  -- Encrypted under a key that is derived from the caller's own key, of which only a hash is stored.
  answer bytea,
  created_at timestamptz not null default now(),
  constraint idempotency_pkey primary key (organization_id, key_hash)
);
comment on table app.idempotency is 'What was answered to a request that carried an Idempotency-Key.';
create index idempotency_created on app.idempotency (organization_id, created_at);
call app.protect('app.idempotency');
grant select, insert, update, delete on app.idempotency to satchel_request;
`,
  },
  {
    name: "0008_effects",
    checksum: "ea3075867137140796b795a071436630605e3a479524b17ce42582ff75246807",
    text: `-- What a job has already done. The queue delivers at least once; the marker, written in the transaction of the effect,
-- makes a second delivery do nothing.

create table app.effect (
  like template.tenant,
  job_id uuid not null,
  step text not null constraint effect_step_length check (char_length(step) between 1 and 100),
  created_at timestamptz not null default now(),
  constraint effect_pkey primary key (organization_id, job_id, step)
);
comment on table app.effect is 'Steps of jobs whose effect is stored.';
create index effect_created on app.effect (organization_id, created_at);
call app.protect('app.effect');
grant select, insert, delete on app.effect to satchel_request;
`,
  },
  {
    name: "0009_security_events",
    checksum: "83e3c26c022eacef8bc635817a6e8416f77a72dd0deed17151ffae988121369a",
    text: `-- What an admin must be able to see of attacks on the organization's people. Written by jobs, after the fact: no
-- decision to let somebody in ever waits for a row here.

create table app.security_event (
  like template.tenant,
  security_event_id uuid not null default app.uuidv7(),
  created_at timestamptz not null default now(),
  kind text not null constraint security_event_kind check (kind in ('login_locked', 'login_unlocked')),
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
grant select, insert on app.security_event to satchel_request;
`,
  },
];
