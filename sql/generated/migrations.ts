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
    checksum: "22ff977874f8aebbe2b141c973efd6df1c2114af9872d2bad68bdbf8145d3e78",
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

-- What each column says of people, told beside it (app.tag, below) and kept as its comment: the export and the erasure of
-- a person read it from there. A column that a table takes over from a group brings the group's tag along.
comment on column template.tenant.organization_id is 'none';
comment on column template.timestamps.created_at is 'none';
comment on column template.timestamps.updated_at is 'none';
comment on column template.audit.version is 'none';
comment on column template.audit.created_by_id is 'personal, reference';
comment on column template.audit.updated_by_id is 'personal, reference';
comment on column template.soft_delete.deleted_at is 'none';
comment on column template.soft_delete.deleted_by_id is 'personal, reference';
comment on column template.soft_delete.deletion_id is 'none';

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
-- What somebody did is found by who they are. Imports and jobs, which are nobody, stay out of it.
create index history_actor on app.history (organization_id, actor_id, history_id) where actor_id is not null;

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
    from new_rows n cross join lateral (select to_jsonb(n) - tg_argv[1:] as doc) d;
  elsif tg_op = 'DELETE' then
    insert into app.history (organization_id, table_name, row_id, version, action, before)
    select o.organization_id, tg_table_name, (doc ->> tg_argv[0])::uuid, (doc ->> 'version')::integer, 'delete', doc
    from old_rows o cross join lateral (select to_jsonb(o) - tg_argv[1:] as doc) d;
  else
    -- Only the columns that changed: a corrected typing mistake in a title must not store the body twice more.
    -- Materialized: otherwise each row would be turned into a document once for each of its columns.
    insert into app.history (organization_id, table_name, row_id, version, action, before, after)
    with
      n as materialized (
        select r.organization_id, (doc ->> tg_argv[0])::uuid as id, doc
        from new_rows r cross join lateral (select to_jsonb(r) - tg_argv[1:] as doc) d
      ),
      o as materialized (
        select r.organization_id, (doc ->> tg_argv[0])::uuid as id, doc
        from old_rows r cross join lateral (select to_jsonb(r) - tg_argv[1:] as doc) d
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
comment on function app.keep_history() is 'Writes app.history for one statement. Its arguments name the id column, and columns that follow from others.';

-- Who may do what with the rows of an organization. A permissive base for each command, and one restrictive policy
-- that has the last word: whatever other policy is added later, a foreign row stays out of sight and out of reach.
create procedure app.protect(target regclass)
language plpgsql
as $$
declare
  shared record;
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
  -- Erasing a person is confined to the organization like everything else; what it may touch is granted by app.tag.
  execute format(
    'create policy erase on %s for all to satchel_eraser
       using (organization_id = (select app.org())) with check (organization_id = (select app.org()))', target);
  for shared in
    select own.attname::text as name, col_description(part.attrelid, part.attnum) as tag
    from pg_attribute own
    join pg_attribute part on part.attname = own.attname and part.attnum > 0
    join pg_class c on c.oid = part.attrelid and c.relnamespace = 'template'::regnamespace
    where own.attrelid = target and own.attnum > 0 and not own.attisdropped
  loop
    call app.tag(target, shared.tag, shared.name);
  end loop;
end
$$;

-- Of every column: what it says of a person and what erasing that person does to it. Called where the table is made.
--   none                    nothing about a person
--   derived                 made from other columns, and gone or empty when they are
--   personal, row           the person whose row this is: erasing deletes the row, and with it its \`personal\` columns
--   personal, person        the person whom the row is about; the row stays, each of its personal columns says how
--   personal, reference     a person who did something; stays, and leads to whom nothing more is known of
--   personal, null          set to null
--   personal, becomes …     set to this SQL expression
--   personal, kept          stays: says nothing once nobody knows whom it was about
--   personal, expires       of nobody in particular, unreadable or soon removed by itself
-- \`secret\` after \`personal\` (personal, secret or personal, secret, null): never leaves in an export either. \`label\` after
-- \`none\`: what a row is called where an export lists what somebody has made.
create procedure app.tag(target regclass, tag text, variadic columns text[])
language plpgsql
as $$
declare
  name text;
begin
  if tag !~ '^(none(, label)?|derived|personal(, (row|person|reference|kept|expires|(secret(, )?)?(null|becomes .+)?))?)$' then
    raise exception '% is no tag', tag using errcode = 'invalid_parameter_value';
  end if;
  foreach name in array columns loop
    execute format('comment on column %s.%I is %L', target, name, tag);
    if tag = 'personal, row' then
      -- Update for the triggers of the person's row, which mark what is deleted a moment later.
      execute format('grant select, update, delete on %s to satchel_eraser', target);
    elsif tag ~ ', (null|becomes .+)$' then
      execute format('grant select, update (%I) on %s to satchel_eraser', name, target);
    end if;
  end loop;
end
$$;

create procedure app.keep_time(target regclass)
language plpgsql
as $$
begin
  execute format('create trigger touch before update on %s for each row execute function app.touch()', target);
end
$$;

-- \`derived\`: columns that are made of others; history would tell the same twice.
create procedure app.record_history(target regclass, id_column text, derived text[] default '{}')
language plpgsql
as $$
declare
  arguments text := array_to_string(array(select quote_literal(a) from unnest(id_column || derived) a), ', ');
begin
  execute format(
    'create trigger history_insert after insert on %s referencing new table as new_rows
       for each statement execute function app.keep_history(%s)', target, arguments);
  execute format(
    'create trigger history_update after update on %s referencing old table as old_rows new table as new_rows
       for each statement execute function app.keep_history(%s)', target, arguments);
  execute format(
    'create trigger history_delete after delete on %s referencing old table as old_rows
       for each statement execute function app.keep_history(%s)', target, arguments);
end
$$;

create procedure app.audit(target regclass, id_column text, derived text[] default '{}')
language plpgsql
as $$
begin
  execute format('create trigger touch before update on %s for each row execute function app.touch_audited()', target);
  call app.record_history(target, id_column, derived);
end
$$;

call app.protect('app.history');
call app.tag('app.history', 'none', 'history_id', 'action');
call app.tag('app.history', 'none, label', 'table_name');
call app.tag('app.history', 'personal, reference', 'actor_id');
-- Copies of other tables' columns: erasing takes out of them what it takes out of those.
call app.tag('app.history', 'derived', 'row_id', 'before', 'after');
grant select on app.history to satchel_request;
grant select, update (before, after) on app.history to satchel_eraser;
-- The triggers write as the table's owner, whom FORCE binds as well.
create policy owner_insert on app.history for insert to satchel_owner with check (true);
call app.tag('app.migration', 'none', 'name', 'checksum', 'applied_at');
grant usage on schema app to satchel_request, satchel_system, satchel_search, satchel_eraser;
grant execute on function app.uuidv7(), app.org(), app.actor(), app.enter(uuid, uuid), app.touch(), app.touch_audited()
  to satchel_request;
grant execute on function app.org() to satchel_search, satchel_system, satchel_eraser;
grant execute on function app.actor() to satchel_eraser;
`,
  },
  {
    name: "0002_organizations",
    checksum: "31f18d1647211a7a28dbf433c65620ca6222179c2c1ed8f442be9275d5a0cee5",
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
call app.tag('app.organization', 'none', 'name', 'slug', 'type', 'status', 'settings');
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
call app.tag('app.generation', 'none', 'topic', 'generation');
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
call app.tag('app.setup_code', 'none', 'code_hash', 'first', 'created_at', 'consumed_at');
grant select, update (consumed_at) on app.setup_code to satchel_request;
grant select (first, consumed_at, created_at), insert, delete on app.setup_code to satchel_system;

create table app.secret_key (
  key_id text not null constraint secret_key_id_form check (key_id ~ '^[0-9a-f]{12}$'),
  created_at timestamptz not null default now(),
  constraint secret_key_pkey primary key (key_id)
);
comment on table app.secret_key is
  'Names of the secrets this database was used with. A node with an unknown secret would refuse every session.';
call app.tag('app.secret_key', 'none', 'key_id', 'created_at');
grant select, insert on app.secret_key to satchel_system;
`,
  },
  {
    name: "0003_users",
    checksum: "a10c9a6455b4d9e10d31fac0594cbf077d212413a4a89fab27519da5b2d1a91e",
    text: `-- The people of an organization. What signs a person in lies apart from what describes them.

create function app.fold(words text) returns text
language sql immutable parallel safe
return lower(regexp_replace(normalize(words, NFKD), U&'[\\0300-\\036F]', '', 'g'));
comment on function app.fold(text) is 'The text in small letters without accents: how names are looked for and put in order.';

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
  -- The number of the person in the school's other systems: what an import knows them by.
  external_id text constraint user_external_id_form check (
    external_id ~ '^[^[:space:][:cntrl:]]+$' and char_length(external_id) <= 200
  ),
  time_zone text not null default 'UTC' constraint user_time_zone_form check (time_zone ~ '^[A-Za-z][A-Za-z0-9_+/-]{1,63}$'),
  language text not null default 'en' constraint user_language_form check (language ~ '^[a-z]{2,8}(-[A-Za-z0-9]{1,8})*$'),
  -- Stored, and compared with = and >: under a policy no index serves \`lower(email) = …\`, since lower() is not leakproof,
  -- and everybody who signs in would have the whole school read (2.2 ms against 0.03 ms with 10,000 people).
  email_key text generated always as (lower(email)) stored,
  username_key text not null generated always as (lower(username)) stored,
  name_key text collate "C" not null generated always as (left(app.fold(full_name), 100)) stored,
  constraint user_pkey primary key (organization_id, user_id),
  constraint user_organization_fkey foreign key (organization_id) references app.organization,
  constraint user_created_by_fkey foreign key (organization_id, created_by_id) references app.user on delete set null (created_by_id),
  constraint user_updated_by_fkey foreign key (organization_id, updated_by_id) references app.user on delete set null (updated_by_id),
  constraint user_deleted_by_fkey foreign key (organization_id, deleted_by_id) references app.user on delete set null (deleted_by_id)
);
comment on table app.user is 'A person of one organization. Another organization knows nothing of them.';
create unique index user_email_unique on app.user (organization_id, email_key) where deleted_at is null;
create unique index user_username_unique on app.user (organization_id, username_key) where deleted_at is null;
create unique index user_external_id_unique on app.user (organization_id, external_id) where deleted_at is null;
create index user_name on app.user (organization_id, name_key, user_id);
-- Active means status active and not deleted; the list of active people by role reads this index alone.
create index user_active on app.user (organization_id, role, user_id) where status = 'active' and deleted_at is null;
create index user_created_by on app.user (organization_id, created_by_id);
create index user_updated_by on app.user (organization_id, updated_by_id);
create index user_deleted_by on app.user (organization_id, deleted_by_id);
call app.protect('app.user');
call app.audit('app.user', 'user_id', array['email_key', 'username_key', 'name_key']);
call app.tag('app.user', 'personal, person', 'user_id');
call app.tag('app.user', 'personal, null', 'email', 'avatar_url', 'email_verified_at', 'external_id');
call app.tag('app.user', 'derived', 'email_key', 'username_key', 'name_key');
call app.tag('app.user', 'personal, becomes ''erased-'' || user_id', 'username');
call app.tag('app.user', 'personal, becomes ''Erased person''', 'full_name');
call app.tag('app.user', 'personal, becomes ''UTC''', 'time_zone');
call app.tag('app.user', 'personal, becomes ''en''', 'language');
call app.tag('app.user', 'personal, kept', 'role', 'status');
grant select, insert, update on app.user to satchel_request;
grant execute on function app.fold(text) to satchel_request, satchel_search, satchel_eraser;

-- Looking for people by the beginnings of words in their name, username and e-mail address. As with lessons, the operator
-- is not leakproof, so a function that sees nothing but these columns finds the candidates by the index, and the caller
-- joins them back to the protected table.
create function app.user_words(full_name text, username text, email text) returns tsvector
language sql immutable parallel safe
return array_to_tsvector(
  array_remove(
    string_to_array(
      regexp_replace(
        app.fold(full_name || ' ' || username || ' ' || coalesce(email, '')), '[[:space:]]+', ' ', 'g'
      ), ' '
    ), ''
  )
);
comment on function app.user_words(text, text, text) is 'What a person is found by.';
-- No list of pending entries: after an import every search would read it whole.
create index user_words on app.user using gin (organization_id, app.user_words(full_name, username, email))
  with (fastupdate = off);
create policy search_select on app.user for select to satchel_search using (true);
grant select (organization_id, user_id, full_name, username, email) on app.user to satchel_search;
grant execute on function app.user_words(text, text, text) to satchel_request, satchel_search, satchel_eraser;

create function app.search_users(words text) returns table (user_id uuid)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  organization uuid := app.org();
  terms tsquery;
begin
  select string_agg(format('''%s'':*', replace(replace(word, '\\', '\\\\'), '''', '''''')), ' & ')::tsquery into terms
  from (
    select distinct word
    from regexp_split_to_table(app.fold(words), '[[:space:]]+') word where word <> '' limit 10
  ) asked;
  return query
    select u.user_id from app."user" u
    where u.organization_id = organization and app.user_words(u.full_name, u.username, u.email) @@ terms;
end
$$;
comment on function app.search_users(text) is 'Finds people of the entered organization by the beginnings of words: their ids, nothing else.';
grant execute on function app.search_users(text) to satchel_request;
grant create on schema app to satchel_search;
alter function app.search_users(text) owner to satchel_search;
revoke create on schema app from satchel_search;

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
  -- Who gave it to them, and so knows it; null when they chose it themselves.
  password_set_by_id uuid,
  last_login_at timestamptz,
  last_login_ip inet,
  constraint credential_pkey primary key (organization_id, user_id),
  constraint credential_pepper check ((password_hash is null) = (pepper_key_id is null)),
  constraint credential_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade,
  constraint credential_password_set_by_fkey foreign key (organization_id, password_set_by_id) references app.user
    on delete set null (password_set_by_id)
);
comment on table app.credential is 'How a person signs in, and when and from where they last did.';
create index credential_password_set_by on app.credential (organization_id, password_set_by_id);
call app.protect('app.credential');
call app.keep_time('app.credential');
call app.tag('app.credential', 'personal, row', 'user_id');
call app.tag('app.credential', 'personal, secret', 'password_hash', 'pepper_key_id');
call app.tag('app.credential', 'personal', 'password_changed_at', 'last_login_at', 'last_login_ip');
call app.tag('app.credential', 'personal, reference', 'password_set_by_id');
grant select, insert, update on app.credential to satchel_request;

-- Whoever was given a password by a teacher must not become that teacher's way to be an admin.
create function app.void_given_password() returns trigger
language plpgsql
as $$
begin
  update app.credential
  set password_hash = null, pepper_key_id = null, password_set_by_id = null, password_changed_at = now()
  where organization_id = new.organization_id and user_id = new.user_id and password_set_by_id is not null;
  return null;
end
$$;
comment on function app.void_given_password() is
  'Takes away a password that somebody else knows when the person is given power over others.';
create trigger void_given_password after update on app.user for each row
  when (new.role <> old.role and (new.role = 'admin' or (new.role = 'teacher' and old.role <> 'admin')))
  execute function app.void_given_password();
grant execute on function app.void_given_password() to satchel_request;

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
call app.tag('app.profile', 'personal, row', 'user_id');
call app.tag('app.profile', 'personal', 'bio', 'date_of_birth', 'phone', 'website', 'code_url', 'professional_url', 'skills', 'interests');
grant select, insert, update on app.profile to satchel_request;
`,
  },
  {
    name: "0004_sessions",
    checksum: "810cee2e38e194ba5b2e51859c56c33aed26daa7e41ad893a81fbda4eeccca9a",
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
-- once verify no more than the limit. \`sequence\` only grows; what counts against the limit is the attempts after
-- \`forgiven_sequence\`. An unknown login has a row like any other: its key is a keyed hash and tells nothing.
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
`,
  },
  {
    name: "0005_contents",
    checksum: "15cee61b1eb3a003310abb2448816af56d4b26ae334157df2d8607e4e45c8115",
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
call app.tag(
  'app.content', 'none', 'content_id', 'source_id', 'slug', 'description', 'body', 'content_type', 'difficulty_level', 'status',
  'language', 'tags', 'prerequisites', 'learning_objectives', 'metadata', 'settings', 'estimated_duration_minutes',
  'published_at', 'reviewed_at'
);
call app.tag('app.content', 'none, label', 'title');
call app.tag('app.content', 'personal, reference', 'reviewed_by_id');
grant select, insert, update on app.content to satchel_request;
`,
  },
  {
    name: "0006_search",
    checksum: "84f0572342aa144abd608aa990bc82b95a78457a6ce9e3de1e9bc1d7eb1dc12a",
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
call app.tag('app.content_search', 'none', 'content_id', 'language');
call app.tag('app.content_search', 'derived', 'document');
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
    checksum: "19bb6051d65293b77f865e452d583a10fb416e3932059cb4e51a6143debb1fb4",
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
call app.tag('app.idempotency', 'none', 'key_hash', 'request_hash');
-- Encrypted under a key that is not here, and removed after a day.
call app.tag('app.idempotency', 'personal, expires', 'answer');
grant select, insert, update, delete on app.idempotency to satchel_request;
`,
  },
  {
    name: "0008_effects",
    checksum: "816ce499a347ad8c92da37df8b98c855dcfefbcf3d9effab65fdb47f4645a95d",
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
call app.tag('app.effect', 'none', 'job_id', 'step');
grant select, insert, delete on app.effect to satchel_request;
`,
  },
  {
    name: "0009_security_events",
    checksum: "bed3ea0ed0ba027d06b24d15cfa5ec90a74e2ec5c1234f12512c8dd459dec423",
    text: `-- What an admin must be able to see of attacks on the organization's people. Written by jobs, after the fact: no
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
`,
  },
  {
    name: "0010_api_keys",
    checksum: "169f43e21d77d794cf4f4f0882ac5b92e585067deb1cc3e9bd63e4cfa62eecb6",
    text: `-- Keys for programs: the rights of whoever made one, or fewer, with nobody at the keyboard.

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
`,
  },
  {
    name: "0011_mail",
    checksum: "39c01896483fad3f68a8b4c428b5c48a808a65493331b2307a1be328be55ee60",
    text: `-- Mail to people: what is to be sent, what was, and what stays in the mailbox because there is no SMTP server.

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
  -- \`kept\` is for the mailbox: no SMTP server was configured when it was written.
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
`,
  },
  {
    name: "0012_links",
    checksum: "8a9a7b8e5170c4807aa0700ff8444c4bd2f99c88658d059bc213c45170b36ca9",
    text: `-- Links that are mailed to people: to confirm an address, to accept an invitation, to choose another password. Whoever
-- has the token is taken for who reads that mailbox, once.

create table app.link (
  like template.tenant,
  link_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  kind text not null constraint link_kind check (kind in ('verification', 'invitation', 'reset', 'email_change')),
  user_id uuid not null,
  -- A keyed hash: who reads this table has no link.
  token_hash bytea not null constraint link_token_hash_length check (octet_length(token_hash) = 32),
  -- Where it was mailed to. It proves something about this address and no other.
  email text not null,
  -- From where it was asked for by nobody who was signed in: the address, or the /64 of one of IPv6.
  network inet,
  -- Of a person who asked for themselves: it goes on when the others end. No foreign key: one that is gone is no other.
  session_id uuid,
  expires_at timestamptz not null,
  consumed_at timestamptz,
  -- A newer link of its kind, or another address of the person, has ended it.
  ended_at timestamptz,
  constraint link_pkey primary key (organization_id, link_id),
  constraint link_expiry_later check (expires_at > created_at),
  constraint link_ends_once check (consumed_at is null or ended_at is null),
  constraint link_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.link is 'Single-use links mailed to people.';
create unique index link_token_unique on app.link (organization_id, token_hash);
-- At most one of a kind is open at a time.
create unique index link_open_unique on app.link (organization_id, user_id, kind) where consumed_at is null and ended_at is null;
create index link_user on app.link (organization_id, user_id);
create index link_expiry on app.link (organization_id, expires_at);
create index link_network on app.link (organization_id, network, created_at) where network is not null;
create index link_email on app.link (organization_id, lower(email), created_at);
call app.protect('app.link');
call app.keep_time('app.link');
call app.tag('app.link', 'personal, row', 'user_id');
call app.tag('app.link', 'none', 'link_id', 'kind', 'session_id', 'expires_at');
call app.tag('app.link', 'personal', 'email', 'network', 'consumed_at', 'ended_at');
call app.tag('app.link', 'personal, secret', 'token_hash');
grant select, insert, update, delete on app.link to satchel_request;

-- A trigger and not a statement of each use case: a link proves something about a mailbox, and is worth nothing once
-- that is no longer the person's, or the person is shut out, whoever writes it. And whoever gets an account back by
-- another password must not lose it to a change of address that a thief asked for before.
create function app.end_links() returns trigger
language plpgsql
as $$
begin
  update app.link set ended_at = now()
  where organization_id = new.organization_id and user_id = new.user_id and kind = any(tg_argv)
    and consumed_at is null and ended_at is null;
  return null;
end
$$;
comment on function app.end_links() is 'Ends what was mailed to a person, of the kinds that its arguments name.';
create trigger end_links after update on app.user for each row
  when (
    (new.deleted_at is not null and old.deleted_at is null)
    or lower(new.email) is distinct from lower(old.email)
    or (new.status <> old.status and new.status in ('inactive', 'suspended'))
  )
  execute function app.end_links('verification', 'invitation', 'reset', 'email_change');
create trigger end_links after update on app.credential for each row
  -- By its date and not by its hash: the same password is hashed anew once its parameters are out of date.
  when (new.password_changed_at is distinct from old.password_changed_at)
  execute function app.end_links('invitation', 'reset', 'email_change');
create trigger end_links_at_first after insert on app.credential for each row
  when (new.password_hash is not null)
  execute function app.end_links('invitation', 'reset', 'email_change');
grant execute on function app.end_links() to satchel_request;
`,
  },
  {
    name: "0013_second_factors",
    checksum: "48d203984f87b397e7ee6fee0be07cea758e95dcdef5017ef4ad3c83a47bf5f5",
    text: `-- The second factor of signing in: a secret shared with an app, codes for the day the app is lost, and what a person holds
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
`,
  },
  {
    name: "0014_quotas",
    checksum: "0b4ba004e0bf10848424582e72cb5a02df097dd2f331fe435c7c66a2d41449b4",
    text: `-- What an organization may use, and what it uses.

-- Set by the operator alone. Null: no limit of its own.
create table app.quota (
  like template.tenant,
  like template.timestamps including defaults,
  people integer constraint quota_people_counts check (people >= 0),
  storage_bytes bigint constraint quota_storage_bytes_counts check (storage_bytes >= 0),
  requests_per_minute integer constraint quota_requests_per_minute_positive check (requests_per_minute > 0),
  constraint quota_pkey primary key (organization_id),
  constraint quota_organization_fkey foreign key (organization_id) references app.organization on delete cascade
);
comment on table app.quota is 'What the operator allows an organization.';
call app.protect('app.quota');
call app.keep_time('app.quota');
call app.record_history('app.quota', 'organization_id');
call app.tag('app.quota', 'none', 'people', 'storage_bytes', 'requests_per_minute');
grant select, insert, update on app.quota to satchel_request;

-- Counted by triggers as rows come and go, so that a quota is held exactly without counting a table, and whoever writes.
-- Apart from app.quota: nobody but the triggers writes here.
create table app.usage (
  like template.tenant,
  like template.timestamps including defaults,
  people bigint not null default 0 constraint usage_people_counts check (people >= 0),
  storage_bytes bigint not null default 0 constraint usage_storage_bytes_counts check (storage_bytes >= 0),
  constraint usage_pkey primary key (organization_id),
  constraint usage_organization_fkey foreign key (organization_id) references app.organization on delete cascade
);
comment on table app.usage is 'What an organization uses of its quota: people who are not deleted, bytes of what is not deleted.';
call app.protect('app.usage');
call app.keep_time('app.usage');
call app.tag('app.usage', 'none', 'people', 'storage_bytes');
grant select on app.usage to satchel_request;
-- The triggers write as the owner, whom FORCE binds as well.
create policy owner_all on app.usage for all to satchel_owner using (true) with check (true);
create policy owner_select on app.quota for select to satchel_owner using (true);
-- The operator's list of organizations.
create policy system_select on app.quota for select to satchel_system using (true);
create policy system_select on app.usage for select to satchel_system using (true);
grant select (organization_id, people, storage_bytes, requests_per_minute) on app.quota to satchel_system;
grant select (organization_id, people, storage_bytes) on app.usage to satchel_system;

-- The row of usage stays locked until the transaction ends, so that two hundred who come at once for ten places take ten.
-- It is taken after the rows that are counted, by everybody, and once for a whole batch.
create function app.use_quota(organization uuid, more_people bigint, more_bytes bigint) returns void
language plpgsql
as $$
declare
  used app.usage;
  allowed app.quota;
begin
  if more_people = 0 and more_bytes = 0 then
    return;
  end if;
  update app.usage
  set people = people + more_people, storage_bytes = storage_bytes + more_bytes
  where organization_id = organization
  returning * into used;
  if not found then
    insert into app.usage as u (organization_id, people, storage_bytes)
    values (organization, greatest(more_people, 0), greatest(more_bytes, 0))
    on conflict (organization_id) do update
      set people = u.people + excluded.people, storage_bytes = u.storage_bytes + excluded.storage_bytes
    returning * into used;
  end if;
  select * into allowed from app.quota where organization_id = organization;
  -- Only who adds is refused: below a quota that was lowered, what there is stays and may become less.
  if more_people > 0 and used.people > allowed.people then
    raise exception 'the quota of people is used up' using errcode = 'check_violation', constraint = 'quota_people_reached';
  end if;
  if more_bytes > 0 and used.storage_bytes > allowed.storage_bytes then
    raise exception 'the quota of storage is used up' using errcode = 'check_violation', constraint = 'quota_storage_reached';
  end if;
end
$$;
comment on function app.use_quota(uuid, bigint, bigint) is
  'Counts what came and went. Refuses what is beyond the quota as the constraint quota_people_reached or quota_storage_reached.';

-- With the owner's rights, so that nobody else needs a right to write usage and no count can be made up.
create function app.count_people() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    perform app.use_quota(c.organization_id, c.people, 0)
    from (select organization_id, count(*) as people from new_rows where deleted_at is null group by 1 order by 1) c;
  elsif tg_op = 'DELETE' then
    perform app.use_quota(c.organization_id, -c.people, 0)
    from (select organization_id, count(*) as people from old_rows where deleted_at is null group by 1 order by 1) c;
  else
    perform app.use_quota(c.organization_id, c.people, 0)
    from (
      select organization_id, sum(sign)::bigint as people
      from (
        select 1 as sign, organization_id from new_rows where deleted_at is null
        union all
        select -1, organization_id from old_rows where deleted_at is null
      ) r
      group by 1 order by 1
    ) c;
  end if;
  return null;
end
$$;
comment on function app.count_people() is 'Counts the people of one statement into app.usage.';
create trigger usage_insert after insert on app.user referencing new table as new_rows
  for each statement execute function app.count_people();
create trigger usage_update after update on app.user referencing old table as old_rows new table as new_rows
  for each statement execute function app.count_people();
create trigger usage_delete after delete on app.user referencing old table as old_rows
  for each statement execute function app.count_people();

-- Known without reading a long text: PostgreSQL keeps its length beside it.
create function app.lesson_bytes(title text, description text, body text, metadata json, settings json) returns bigint
language sql immutable
return octet_length(title) + octet_length(description) + octet_length(body)
  + octet_length(metadata::text) + octet_length(settings::text);
comment on function app.lesson_bytes(text, text, text, json, json) is
  'What a lesson counts for in the quota of storage: its texts and documents.';

create function app.count_storage() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    perform app.use_quota(c.organization_id, 0, c.bytes)
    from (
      select organization_id, sum(app.lesson_bytes(title, description, body, metadata, settings))::bigint as bytes
      from new_rows where deleted_at is null group by 1 order by 1
    ) c;
  elsif tg_op = 'DELETE' then
    perform app.use_quota(c.organization_id, 0, -c.bytes)
    from (
      select organization_id, sum(app.lesson_bytes(title, description, body, metadata, settings))::bigint as bytes
      from old_rows where deleted_at is null group by 1 order by 1
    ) c;
  else
    perform app.use_quota(c.organization_id, 0, c.bytes)
    from (
      select organization_id, sum(sign * app.lesson_bytes(title, description, body, metadata, settings))::bigint as bytes
      from (
        select 1 as sign, organization_id, title, description, body, metadata, settings from new_rows where deleted_at is null
        union all
        select -1, organization_id, title, description, body, metadata, settings from old_rows where deleted_at is null
      ) r
      group by 1 order by 1
    ) c;
  end if;
  return null;
end
$$;
comment on function app.count_storage() is 'Counts the bytes of the lessons of one statement into app.usage.';
create trigger usage_insert after insert on app.content referencing new table as new_rows
  for each statement execute function app.count_storage();
create trigger usage_update after update on app.content referencing old table as old_rows new table as new_rows
  for each statement execute function app.count_storage();
create trigger usage_delete after delete on app.content referencing old table as old_rows
  for each statement execute function app.count_storage();
`,
  },
  {
    name: "0015_imports",
    checksum: "ea0c6633a5afc215817869305173705652dadb7ffe62ca0574863e7cb1da37c8",
    text: `-- Many people at once, from a file: a job works it off batch by batch, and tells of each line what became of it.

create table app.import (
  like template.tenant,
  import_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  requested_by_id uuid default app.actor(),
  -- With which API key, if with one: it has to be good for as long as this is worked off.
  api_key_id uuid,
  -- What was uploaded, until it is worked off: it names everybody, and is of no use afterwards.
  source text constraint import_source_length check (octet_length(source) <= 10485760),
  format text not null constraint import_format check (format in ('csv', 'ndjson')),
  dry_run boolean not null,
  invite boolean not null,
  -- Whoever uploaded it had proved who they are: then roles and e-mail addresses may change.
  proven boolean not null,
  state text not null default 'waiting'
    constraint import_state check (state in ('waiting', 'running', 'finished', 'failed', 'cancelled')),
  failure text constraint import_failure check (
    failure in ('organization_not_active', 'requester_not_allowed', 'api_key_ended', 'not_worked_off')
  ),
  line_count integer not null default 0 constraint import_line_count_counts check (line_count >= 0),
  finished_at timestamptz,
  constraint import_pkey primary key (organization_id, import_id),
  constraint import_finished_whole check (
    (state in ('finished', 'failed', 'cancelled')) = (finished_at is not null)
    and (source is null) = (finished_at is not null)
  ),
  constraint import_failed_whole check ((state = 'failed') = (failure is not null)),
  constraint import_organization_fkey foreign key (organization_id) references app.organization,
  constraint import_requested_by_fkey foreign key (organization_id, requested_by_id) references app.user
    on delete set null (requested_by_id),
  constraint import_api_key_fkey foreign key (organization_id, api_key_id) references app.api_key
    on delete set null (api_key_id)
);
comment on table app.import is 'A file of people, how it is to be read, and how far it is worked off.';
-- One at a time: a second one would wait for the rows of the first, and files of ten megabytes must not pile up.
create unique index import_under_way on app.import (organization_id) where finished_at is null;
create index import_requested_by on app.import (organization_id, requested_by_id);
create index import_api_key on app.import (organization_id, api_key_id);
call app.protect('app.import');
call app.keep_time('app.import');
-- Of many people at once: gone when it is worked off, at the latest a day later.
call app.tag('app.import', 'personal, reference', 'requested_by_id');
call app.tag('app.import', 'personal, expires', 'source');
call app.tag(
  'app.import', 'none', 'import_id', 'api_key_id', 'format', 'dry_run', 'invite', 'proven', 'state', 'failure',
  'line_count', 'finished_at'
);
grant select, insert, update, delete on app.import to satchel_request;

create table app.import_line (
  like template.tenant,
  import_id uuid not null,
  line integer not null constraint import_line_from_one check (line >= 1),
  like template.timestamps including defaults,
  outcome text not null
    constraint import_line_outcome check (outcome in ('created', 'changed', 'unchanged', 'refused')),
  external_id text constraint import_line_external_id_length check (char_length(external_id) <= 200),
  user_id uuid,
  -- Why it was refused: the slug of the refusal, and what is wrong. Never what was given.
  reason text constraint import_line_reason_form check (reason ~ '^[a-z][a-z0-9_]*$'),
  detail text constraint import_line_detail_length check (char_length(detail) <= 500),
  constraint import_line_pkey primary key (organization_id, import_id, line),
  constraint import_line_refused_whole check ((outcome = 'refused') = (reason is not null)),
  constraint import_line_import_fkey foreign key (organization_id, import_id) references app.import on delete cascade,
  constraint import_line_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.import_line is 'What became of each line of an import.';
create index import_line_outcome on app.import_line (organization_id, import_id, outcome, line);
create index import_line_user on app.import_line (organization_id, user_id);
call app.protect('app.import_line');
call app.keep_time('app.import_line');
call app.tag('app.import_line', 'personal, row', 'user_id');
call app.tag('app.import_line', 'personal', 'external_id');
call app.tag('app.import_line', 'none', 'import_id', 'line', 'outcome', 'reason', 'detail');
grant select, insert, update, delete on app.import_line to satchel_request;
`,
  },
  {
    name: "0016_erasures",
    checksum: "6569ba88c91355f9575aa0518be4dce8ab30ff0be9491f33e734399ea27d702f",
    text: `-- Erasing a person, and giving them all that is kept about them. What is personal is read from the tags of the columns
-- (app.tag): a table that is added later is exported and erased without a line being written here.

-- Requested, under way, done. It outlives the person and says nothing about them. A backup that is restored brings back
-- people who were erased since: the ledger, kept outside the database too, says whom to erase again.
create table app.erasure (
  like template.tenant,
  erasure_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  user_id uuid not null,
  requested_by_id uuid default app.actor(),
  requested_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  constraint erasure_pkey primary key (organization_id, erasure_id),
  constraint erasure_order check (finished_at is null or started_at is not null),
  constraint erasure_user_fkey foreign key (organization_id, user_id) references app.user,
  constraint erasure_requested_by_fkey foreign key (organization_id, requested_by_id) references app.user
    on delete set null (requested_by_id)
);
comment on table app.erasure is 'People whose erasure was asked for, and how far it is.';
create unique index erasure_user_unique on app.erasure (organization_id, user_id);
create index erasure_requested_by on app.erasure (organization_id, requested_by_id);
call app.protect('app.erasure');
call app.keep_time('app.erasure');
call app.tag('app.erasure', 'personal, person', 'user_id');
call app.tag('app.erasure', 'personal, reference', 'requested_by_id');
call app.tag('app.erasure', 'none', 'erasure_id', 'requested_at', 'started_at', 'finished_at');
grant select, insert, update on app.erasure to satchel_request;
grant select on app.erasure, app.user to satchel_eraser;

-- What the tags say of each table that knows people. \`is_theirs\` and \`is_named\` are conditions on a row \`t\` and a person
-- \`$1\`: that it is about them, and that it names them as who did something; null where there is no such column.
create function app.personal_tables() returns table (
  target regclass, table_name text, key_columns text[], person_columns text[], is_theirs text, reference_columns text[],
  is_named text, secret_columns text[], erased_columns text[], changed_columns text[], changed_values text[],
  label_column text, deletes boolean, has_history boolean
)
language sql stable
begin atomic
  select t.target, t.table_name,
    array(
      select k.attname::text from pg_catalog.pg_index x
      join pg_catalog.pg_attribute k on k.attrelid = x.indrelid and k.attnum = any (x.indkey)
      where x.indrelid = t.target and x.indisprimary and k.attname <> 'organization_id' order by k.attnum
    ),
    t.person_columns, t.is_theirs, t.reference_columns, t.is_named, t.secret_columns, t.erased_columns, t.changed_columns, t.changed_values,
    t.label_column, t.deletes,
    exists (
      select from pg_catalog.pg_trigger h join pg_catalog.pg_proc p on p.oid = h.tgfoid
      where h.tgrelid = t.target and p.proname = 'keep_history'
    )
  from (
    select c.oid::regclass as target, c.relname::text as table_name,
      coalesce(array_agg(a.name order by a.attnum) filter (where a.tag in ('personal, row', 'personal, person')), '{}')
        as person_columns,
      string_agg(a.is_person, ' or ' order by a.attnum) filter (where a.tag in ('personal, row', 'personal, person'))
        as is_theirs,
      coalesce(array_agg(a.name order by a.attnum) filter (where a.tag = 'personal, reference'), '{}') as reference_columns,
      string_agg(a.is_person, ' or ' order by a.attnum) filter (where a.tag = 'personal, reference') as is_named,
      coalesce(array_agg(a.name order by a.attnum) filter (where a.tag like 'personal, secret%'), '{}') as secret_columns,
      coalesce(array_agg(a.name order by a.attnum) filter (
        where a.tag ~ '^(derived|personal(, (secret|null|becomes .+))*)$'
      ), '{}') as erased_columns,
      coalesce(array_agg(a.name order by a.attnum) filter (where a.tag ~ ', (null|becomes .+)$'), '{}') as changed_columns,
      coalesce(array_agg(substring(a.tag from '(null|becomes .+)$') order by a.attnum)
        filter (where a.tag ~ ', (null|becomes .+)$'), '{}') as changed_values,
      min(a.name) filter (where a.tag = 'none, label') as label_column,
      bool_or(a.tag = 'personal, row') as deletes
    from pg_catalog.pg_class c
    join (
      select attrelid, attnum, attname::text as name, pg_catalog.col_description(attrelid, attnum) as tag,
        pg_catalog.format(case when attndims > 0 then '$1 = any (t.%I)' else 't.%I = $1' end, attname) as is_person
      from pg_catalog.pg_attribute where attnum > 0 and not attisdropped
    ) a on a.attrelid = c.oid
    where c.relnamespace = (select oid from pg_catalog.pg_namespace where nspname = 'app') and c.relkind in ('r', 'p')
    group by c.oid, c.relname
  ) t
  where cardinality(t.person_columns) + cardinality(t.reference_columns) > 0
  order by t.table_name;
end;
comment on function app.personal_tables() is 'The tables that know people, and what of them: read from the tags of their columns.';
grant execute on function app.personal_tables() to satchel_request, satchel_eraser;

-- The one way to alter what nobody else may: history, and rows that are only ever deleted softly. It takes only a
-- person of the entered organization who is deleted and whose erasure was asked for and is not finished. At most so many
-- rows of each table at once; it is called until it gives 0, and doing so again, or half and again, is the same.
create function app.erase_person(person uuid, at_most integer) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  organization uuid := app.org();
  part record;
  changes text;
  differs text;
  rows_of text;
  touched integer;
  total integer := 0;
begin
  if at_most is null or at_most < 1 then
    raise exception 'at least one row must be erased at once' using errcode = 'invalid_parameter_value';
  end if;
  perform from app.erasure e
  join app."user" u on u.organization_id = e.organization_id and u.user_id = e.user_id
  where e.organization_id = organization and e.user_id = person
    and e.started_at is not null and e.finished_at is null and u.deleted_at is not null;
  if not found then
    raise exception 'no erasure of this person is under way' using errcode = 'object_not_in_prerequisite_state';
  end if;
  for part in select * from app.personal_tables() where is_theirs is not null order by deletes desc, table_name loop
    if part.deletes then
      execute format(
        'delete from %1$s where ctid = any (array(
           select t.ctid from %1$s t where t.organization_id = $2 and (%2$s) limit $3
         ))', part.target, part.is_theirs)
        using person, organization, at_most;
      get diagnostics touched = row_count;
      total := total + touched;
    elsif cardinality(part.changed_columns) > 0 then
      select string_agg(format('%I = %s', name, replacement), ', '),
        string_agg(format('t.%I is distinct from (%s)', name, replacement), ' or ')
      into changes, differs
      from unnest(part.changed_columns, part.changed_values) as u (name, value)
      cross join lateral (select regexp_replace(value, '^becomes ', '') as replacement) r;
      execute format(
        'update %1$s set %2$s where ctid = any (array(
           select t.ctid from %1$s t where t.organization_id = $2 and (%3$s) and (%4$s) limit $3
         ))', part.target, changes, part.is_theirs, differs)
        using person, organization, at_most;
      get diagnostics touched = row_count;
      total := total + touched;
    end if;
  end loop;
  -- After all else, which leaves its own history. Which rows were theirs, their key or the history itself says.
  for part in select * from app.personal_tables() where is_theirs is not null and has_history loop
    if part.key_columns <@ part.person_columns then
      rows_of := 'h.row_id = $1';
    else
      select format(
        'h.row_id in (
           select o.row_id from app.history o where o.organization_id = $2 and o.table_name = $4 and (%s))',
        string_agg(format('o.before ->> %1$L = $1::text or o.after ->> %1$L = $1::text', name), ' or '))
      into rows_of from unnest(part.person_columns) name;
    end if;
    execute format(
      'update app.history set before = before - $5, after = after - $5 where ctid = any (array(
         select h.ctid from app.history h
         where h.organization_id = $2 and h.table_name = $4 and %s and (h.before ?| $5 or h.after ?| $5) limit $3
       ))', rows_of)
      using person, organization, at_most, part.table_name, part.erased_columns;
    get diagnostics touched = row_count;
    total := total + touched;
  end loop;
  return total;
end
$$;
comment on function app.erase_person(uuid, integer) is
  'Erases what is personal of a person of the entered organization whose erasure is under way; gives how many rows it took.';
grant execute on function app.erase_person(uuid, integer) to satchel_request;
grant create on schema app to satchel_eraser;
alter function app.erase_person(uuid, integer) owner to satchel_eraser;
revoke create on schema app from satchel_eraser;

-- With the caller's rights, so that row-level security decides what there is. Three kinds of part: \`about\` are the rows
-- about the person, \`changes\` what those rows were before, \`made\` the rows of others in which the person is named as who
-- made or changed them. Credentials, hashes and the ids of other people are left out.
create function app.person_records(person uuid, at_most integer)
  returns table (kind text, table_name text, total integer, records json)
language plpgsql stable
as $$
declare
  part record;
  rows_of text;
begin
  for part in select * from app.personal_tables() loop
    table_name := part.table_name;
    if part.is_theirs is not null then
      kind := 'about';
      execute format(
        'select count(*)::int, coalesce(json_agg(
             (select coalesce(jsonb_object_agg(e.key, e.value), ''{}'') from jsonb_each(f.doc) e
              where e.key <> all ($3) or e.value = to_jsonb($1))
             order by f.n) filter (where f.n <= $2), ''[]'')
         from (
           select row_number() over (order by t.created_at desc) as n, to_jsonb(t) - $4 as doc
           from %s t where t.organization_id = app.org() and (%s)
         ) f', part.target, part.is_theirs)
        into total, records
        using person, at_most, part.reference_columns, part.secret_columns || 'organization_id'::text;
      return next;
    end if;
    if part.is_theirs is not null and part.has_history then
      kind := 'changes';
      if part.key_columns <@ part.person_columns then
        rows_of := 'h.row_id = $1';
      else
        select format(
          'h.row_id in (
             select o.row_id from app.history o where o.organization_id = app.org() and o.table_name = $3 and (%s))',
          string_agg(format('o.before ->> %1$L = $1::text or o.after ->> %1$L = $1::text', name), ' or '))
        into rows_of from unnest(part.person_columns) name;
      end if;
      execute format(
        'select count(*)::int, coalesce(json_agg(json_build_object(
             ''row_id'', f.row_id, ''action'', f.action, ''created_at'', f.created_at,
             ''by_themselves'', f.actor_id is not distinct from $1, ''before'', f.before - $4, ''after'', f.after - $4
           ) order by f.n) filter (where f.n <= $2), ''[]'')
         from (
           select row_number() over (order by h.history_id desc) as n, h.* from app.history h
           where h.organization_id = app.org() and h.table_name = $3 and %s
         ) f', rows_of)
        into total, records
        using person, at_most, part.table_name, part.secret_columns || part.reference_columns || 'organization_id'::text;
      return next;
    end if;
    if part.is_named is not null then
      kind := 'made';
      execute format(
        'select count(*)::int, coalesce(json_agg(f.doc order by f.n) filter (where f.n <= $2), ''[]'')
         from (
           select row_number() over (order by t.created_at desc) as n,
             jsonb_build_object(''created_at'', t.created_at%s) as doc
           from %s t where t.organization_id = app.org() and (%s) and not (%s)
         ) f',
        (select string_agg(format(', %1$L, t.%1$I', name), '')
         from unnest(part.key_columns || part.label_column) name where name is not null),
        part.target, part.is_named, coalesce(part.is_theirs, 'false'))
        into total, records
        using person, at_most;
      return next;
    end if;
  end loop;
end
$$;
comment on function app.person_records(uuid, integer) is
  'All that is kept about a person of the entered organization, table by table, the newest rows of each.';
grant execute on function app.person_records(uuid, integer) to satchel_request;
`,
  },
  {
    name: "0017_audit",
    checksum: "f05b2805f99dd20c4c6b91faed4614e2cbaeeb5c0970cd7c6725a827e612192b",
    text: `-- What happened to the organization and its people, who did it and from where: appended only, numbered without a gap and
-- chained by hashes, so that whoever alters it later must alter all that came after, and the anchors kept elsewhere.

-- One row for each organization, held from its update to the commit. Whoever appends waits here, so that numbers have no
-- gap and no two events follow the same one.
create table app.audit_head (
  like template.tenant,
  sequence bigint not null default 0 constraint audit_head_sequence_counts check (sequence >= 0),
  hash bytea not null default decode(repeat('00', 32), 'hex') constraint audit_head_hash_length check (octet_length(hash) = 32),
  -- Of the last event.
  created_at timestamptz not null default now(),
  constraint audit_head_pkey primary key (organization_id)
);
comment on table app.audit_head is 'The last event of each organization''s chain.';
call app.protect('app.audit_head');
call app.tag('app.audit_head', 'none', 'sequence', 'hash');
grant select on app.audit_head to satchel_request;

-- People by their ids alone, and no references: an event outlives whom it names, and erasing a person breaks no chain.
create table app.audit_event (
  like template.tenant,
  sequence bigint not null constraint audit_event_sequence_counts check (sequence > 0),
  -- Whole milliseconds, never before the event before: what is hashed is exactly what a reader gets.
  created_at timestamptz not null default now()
    constraint audit_event_created_at_whole check (created_at = date_trunc('milliseconds', created_at)),
  action text not null constraint audit_event_action_form check (action ~ '^[a-z][a-z_]*\\.[a-z][a-z_]*$'),
  outcome text not null constraint audit_event_outcome check (outcome in ('success', 'refused')),
  actor_id uuid,
  -- By which session or API key; both null for whoever has none.
  session_id uuid,
  api_key_id uuid constraint audit_event_credential_one check (session_id is null or api_key_id is null),
  subject_ids uuid[] not null default '{}' constraint audit_event_subject_ids_count check (cardinality(subject_ids) <= 1000),
  target_type text constraint audit_event_target_type_form check (target_type ~ '^[a-z][a-z_]{0,62}$'),
  target_id text constraint audit_event_target_id_form check (target_id ~ '^[A-Za-z0-9 ._:/-]{1,200}$'),
  -- json, not jsonb: the text that was hashed.
  details json not null default '{}' constraint audit_event_details_object check (json_typeof(details) = 'object'),
  -- Binds the row in app.audit_origin, without telling what it holds.
  origin_hash bytea constraint audit_event_origin_hash_length check (octet_length(origin_hash) = 32),
  hash bytea not null constraint audit_event_hash_length check (octet_length(hash) = 32),
  constraint audit_event_pkey primary key (organization_id, sequence)
);
comment on table app.audit_event is 'Who did what to whom, in the order in which it was done.';
create index audit_event_time on app.audit_event (organization_id, created_at, sequence);
create index audit_event_action on app.audit_event (organization_id, action, sequence);
create index audit_event_actor on app.audit_event (organization_id, actor_id, sequence);
create index audit_event_api_key on app.audit_event (organization_id, api_key_id, sequence) where api_key_id is not null;
create index audit_event_target on app.audit_event (organization_id, target_id, sequence);
call app.protect('app.audit_event');
call app.tag('app.audit_event', 'none',
  'sequence', 'session_id', 'api_key_id', 'outcome', 'target_type', 'target_id', 'details', 'origin_hash', 'hash');
call app.tag('app.audit_event', 'none, label', 'action');
call app.tag('app.audit_event', 'personal, reference', 'actor_id', 'subject_ids');
grant select on app.audit_event to satchel_request;

-- Whom an event is about, by person: a list of people is one event that names a page of them.
create table app.audit_subject (
  like template.tenant,
  subject_id uuid not null,
  sequence bigint not null constraint audit_subject_sequence_counts check (sequence > 0),
  created_at timestamptz not null default now(),
  action text not null,
  constraint audit_subject_pkey primary key (organization_id, subject_id, sequence)
);
comment on table app.audit_subject is 'The events about each person: an index of app.audit_event.';
create index audit_subject_event on app.audit_subject (organization_id, sequence);
call app.protect('app.audit_subject');
call app.tag('app.audit_subject', 'personal, person', 'subject_id');
call app.tag('app.audit_subject', 'none', 'sequence', 'action');
grant select on app.audit_subject to satchel_request;

-- Apart, because it must be possible to erase it. The salt goes with it: what is left in the chain tells nothing, not even
-- to somebody who tries every address there is.
create table app.audit_origin (
  like template.tenant,
  sequence bigint not null constraint audit_origin_sequence_counts check (sequence > 0),
  created_at timestamptz not null default now(),
  -- Who acted, or whom somebody unknown tried to be. Null when that is nobody.
  person_id uuid,
  salt bytea not null constraint audit_origin_salt_length check (octet_length(salt) = 16),
  address text not null constraint audit_origin_address_length check (char_length(address) <= 64),
  user_agent text constraint audit_origin_user_agent_length check (char_length(user_agent) <= 512),
  constraint audit_origin_pkey primary key (organization_id, sequence)
);
comment on table app.audit_origin is 'From where the events of the audit came, as long as that is kept.';
create index audit_origin_person on app.audit_origin (organization_id, person_id);
call app.protect('app.audit_origin');
call app.tag('app.audit_origin', 'none', 'sequence');
call app.tag('app.audit_origin', 'personal, row', 'person_id');
call app.tag('app.audit_origin', 'personal', 'address', 'user_agent');
call app.tag('app.audit_origin', 'personal, secret', 'salt');
grant select on app.audit_origin to satchel_request;

-- What is left of events that have been kept for as long as they must: how many there were of each action, and the hashes
-- on both sides, signed, so that the chain is still whole and nobody else could have taken them out.
create table app.audit_seal (
  like template.tenant,
  first_sequence bigint not null constraint audit_seal_sequence_counts check (first_sequence > 0),
  last_sequence bigint not null,
  created_at timestamptz not null default now()
    constraint audit_seal_created_at_whole check (created_at = date_trunc('milliseconds', created_at)),
  first_at timestamptz not null constraint audit_seal_first_at_whole check (first_at = date_trunc('milliseconds', first_at)),
  last_at timestamptz not null constraint audit_seal_last_at_whole check (last_at = date_trunc('milliseconds', last_at)),
  -- Of the event before, and of the last of these.
  previous bytea not null constraint audit_seal_previous_length check (octet_length(previous) = 32),
  hash bytea not null constraint audit_seal_hash_length check (octet_length(hash) = 32),
  actions json not null constraint audit_seal_actions_object check (json_typeof(actions) = 'object'),
  public_key text not null constraint audit_seal_public_key_form check (public_key ~ '^[A-Za-z0-9_-]{43}$'),
  signature text not null constraint audit_seal_signature_form check (signature ~ '^[A-Za-z0-9_-]{86}$'),
  constraint audit_seal_pkey primary key (organization_id, first_sequence),
  constraint audit_seal_order check (first_sequence <= last_sequence and first_at <= last_at)
);
comment on table app.audit_seal is 'Runs of events that were kept long enough, each replaced by one signed row.';
create unique index audit_seal_last on app.audit_seal (organization_id, last_sequence);
call app.protect('app.audit_seal');
call app.tag('app.audit_seal', 'none',
  'first_sequence', 'last_sequence', 'first_at', 'last_at', 'previous', 'hash', 'actions', 'public_key', 'signature');
grant select on app.audit_seal to satchel_request;

-- The head as it was last signed and written outside the database, so that an unchanged one is not written again.
create table app.audit_anchor (
  like template.tenant,
  sequence bigint not null constraint audit_anchor_sequence_counts check (sequence > 0),
  created_at timestamptz not null default now()
    constraint audit_anchor_created_at_whole check (created_at = date_trunc('milliseconds', created_at)),
  hash bytea not null constraint audit_anchor_hash_length check (octet_length(hash) = 32),
  public_key text not null constraint audit_anchor_public_key_form check (public_key ~ '^[A-Za-z0-9_-]{43}$'),
  signature text not null constraint audit_anchor_signature_form check (signature ~ '^[A-Za-z0-9_-]{86}$'),
  constraint audit_anchor_pkey primary key (organization_id)
);
comment on table app.audit_anchor is 'The last signed head of each chain.';
call app.protect('app.audit_anchor');
call app.tag('app.audit_anchor', 'none', 'sequence', 'hash', 'public_key', 'signature');
grant select, insert, update on app.audit_anchor to satchel_request;

-- The functions below write with the owner's rights, whom FORCE binds as well, and in the entered organization only.
do $$
declare
  target text;
begin
  foreach target in array array['audit_head', 'audit_event', 'audit_subject', 'audit_origin', 'audit_seal'] loop
    execute format(
      'create policy chain on app.%I for all to satchel_owner
         using (organization_id = (select app.org())) with check (organization_id = (select app.org()))', target);
  end loop;
end
$$;

-- A second lock: not even the owner alters the chain by mistake.
create function app.keep_audit() returns trigger
language plpgsql
as $$
begin
  -- For the statement in app.seal_audit alone: the setting gives nobody a right.
  if tg_op = 'DELETE' and current_setting('app.sealing', true) = 'on' then
    return null;
  end if;
  raise exception 'the audit is only ever appended to' using errcode = 'insufficient_privilege';
end
$$;
comment on function app.keep_audit() is 'Refuses to change or remove an event of the audit.';
create trigger keep before update or delete or truncate on app.audit_event for each statement execute function app.keep_audit();

-- The one way to write here. Called last before the commit, with all the events of the transaction: what is locked here
-- stays locked for no longer than the commit takes.
create function app.append_audit(events jsonb) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  organization uuid := app.org();
  head app.audit_head;
  moment timestamptz;
  event jsonb;
  actor uuid;
  subjects uuid[];
  canonical text;
begin
  select * into head from app.audit_head where organization_id = organization for update;
  if not found then
    insert into app.audit_head (organization_id) values (organization) on conflict do nothing;
    select * into head from app.audit_head where organization_id = organization for update;
  end if;
  moment := greatest(date_trunc('milliseconds', clock_timestamp()), date_trunc('milliseconds', head.created_at));
  for event in select e.value from jsonb_array_elements(events) with ordinality e order by e.ordinality loop
    if event ->> 'organizationId' is distinct from organization::text then
      raise exception 'an event of another organization' using errcode = 'object_not_in_prerequisite_state';
    end if;
    actor := case when event ? 'actorId' then (event ->> 'actorId')::uuid else app.actor() end;
    subjects := array(select s.value::uuid from jsonb_array_elements_text(event -> 'subjectIds') s);
    head.sequence := head.sequence + 1;
    -- Keys in their order and no space: RFC 8785. None of these values has anything to escape but \`details\`, which comes
    -- in this form already. What is stored is what is hashed, column by column.
    canonical := concat(
      '{"action":"', event ->> 'action',
      '","actorId":', coalesce('"' || actor || '"', 'null'),
      ',"apiKeyId":', coalesce('"' || (event ->> 'apiKeyId') || '"', 'null'),
      ',"at":"', to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      '","details":', event ->> 'details',
      ',"organizationId":"', organization,
      '","origin":', coalesce('"' || (event ->> 'originHash') || '"', 'null'),
      ',"outcome":"', event ->> 'outcome',
      '","previous":"', encode(head.hash, 'hex'),
      '","sequence":', head.sequence,
      ',"sessionId":', coalesce('"' || (event ->> 'sessionId') || '"', 'null'),
      ',"subjectIds":', to_json(subjects),
      ',"targetId":', coalesce('"' || (event ->> 'targetId') || '"', 'null'),
      ',"targetType":', coalesce('"' || (event ->> 'targetType') || '"', 'null'), '}');
    head.hash := sha256(convert_to(canonical, 'UTF8'));
    insert into app.audit_event (
      organization_id, sequence, created_at, action, outcome, actor_id, session_id, api_key_id, subject_ids, target_type,
      target_id, details, origin_hash, hash
    ) values (
      organization, head.sequence, moment, event ->> 'action', event ->> 'outcome', actor, (event ->> 'sessionId')::uuid,
      (event ->> 'apiKeyId')::uuid, subjects, event ->> 'targetType', event ->> 'targetId', (event ->> 'details')::json, decode(event ->> 'originHash', 'hex'), head.hash
    );
    if cardinality(subjects) > 0 then
      insert into app.audit_subject (organization_id, subject_id, sequence, created_at, action)
      select organization, subject, head.sequence, moment, event ->> 'action' from unnest(subjects) subject;
    end if;
    if event ? 'salt' then
      insert into app.audit_origin (organization_id, sequence, created_at, person_id, salt, address, user_agent)
      values (
        organization, head.sequence, moment, coalesce(actor, subjects[1]), decode(event ->> 'salt', 'hex'),
        event ->> 'address', event ->> 'userAgent'
      );
    end if;
  end loop;
  update app.audit_head set sequence = head.sequence, hash = head.hash, created_at = moment
  where organization_id = organization;
end
$$;
comment on function app.append_audit(jsonb) is 'Appends events to the chain of the entered organization.';
grant execute on function app.append_audit(jsonb) to satchel_request;

-- Puts a signed row in the place of events that were kept long enough, and of seals among them. Which ones those are, and
-- whether the chain was whole before, is for the caller to say; what nobody may take out is what is younger than a month.
create function app.seal_audit(
  first bigint, last bigint, sealed_at timestamptz, first_at timestamptz, last_at timestamptz, previous bytea, hash bytea,
  actions json, public_key text, signature text
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  organization uuid := app.org();
  covered bigint;
  youngest timestamptz;
begin
  -- Two at once would both find the events there.
  perform from app.audit_head h where h.organization_id = organization for update;
  select count(*), max(e.created_at) into covered, youngest
  from app.audit_event e where e.organization_id = organization and e.sequence between first and last;
  select covered + coalesce(sum(s.last_sequence - s.first_sequence + 1), 0), greatest(youngest, max(s.last_at))
  into covered, youngest
  from app.audit_seal s
  where s.organization_id = organization and s.first_sequence >= first and s.last_sequence <= last;
  if covered <> last - first + 1 or youngest > now() - interval '30 days' then
    raise exception 'these events cannot be sealed' using errcode = 'object_not_in_prerequisite_state';
  end if;
  delete from app.audit_origin o where o.organization_id = organization and o.sequence between first and last;
  delete from app.audit_subject s where s.organization_id = organization and s.sequence between first and last;
  delete from app.audit_seal s
  where s.organization_id = organization and s.first_sequence >= first and s.last_sequence <= last;
  perform set_config('app.sealing', 'on', true);
  delete from app.audit_event e where e.organization_id = organization and e.sequence between first and last;
  perform set_config('app.sealing', '', true);
  insert into app.audit_seal (
    organization_id, first_sequence, last_sequence, created_at, first_at, last_at, previous, hash, actions, public_key,
    signature
  ) values (
    organization, seal_audit.first, seal_audit.last, sealed_at, seal_audit.first_at, seal_audit.last_at,
    seal_audit.previous, seal_audit.hash, seal_audit.actions, seal_audit.public_key, seal_audit.signature
  );
end
$$;
comment on function app.seal_audit(bigint, bigint, timestamptz, timestamptz, timestamptz, bytea, bytea, json, text, text) is
  'Replaces events of the entered organization that were kept long enough by one signed row.';
grant execute on function
  app.seal_audit(bigint, bigint, timestamptz, timestamptz, timestamptz, bytea, bytea, json, text, text) to satchel_request;
`,
  },
  {
    name: "0018_attacks",
    checksum: "23a18806f7de9656007d6adf5e5b9515f75d5020204c677b71c52dc33fcd4e2e",
    text: `-- Attacks on the logins of an organization, as its admins see them. Written by a job from what the guard has counted:
-- nobody is ever refused because of a row here.
create table app.attack (
  like template.tenant,
  attack_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  kind text not null constraint attack_kind check (kind in ('spray', 'enumeration', 'guessing')),
  -- Where it comes from: an address, or the /64 of one of IPv6. Null when it comes from many.
  network inet,
  -- Whose login is guessed at; null when it is many people's, or nobody's.
  user_id uuid,
  -- The most at any one time: logins tried in vain, and attempts at them.
  accounts integer not null constraint attack_accounts_counts check (accounts > 0),
  attempts integer not null constraint attack_attempts_counts check (attempts > 0),
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  notified_at timestamptz,
  ended_at timestamptz,
  constraint attack_pkey primary key (organization_id, attack_id),
  constraint attack_organization_fkey foreign key (organization_id) references app.organization on delete cascade,
  constraint attack_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.attack is 'Sprays, guesses and enumerations of logins, open and ended.';
-- One of a kind goes on at a time from one place or at one person.
create unique index attack_open_unique on app.attack (organization_id, network, user_id) nulls not distinct
  where ended_at is null;
create index attack_user on app.attack (organization_id, user_id);
create index attack_ended on app.attack (organization_id, ended_at) where ended_at is not null;
call app.protect('app.attack');
call app.keep_time('app.attack');
call app.tag('app.attack', 'personal, row', 'user_id');
call app.tag('app.attack', 'none', 'attack_id', 'kind', 'accounts', 'attempts');
call app.tag('app.attack', 'personal, expires', 'network');
call app.tag('app.attack', 'none', 'first_seen_at', 'last_seen_at', 'notified_at', 'ended_at');
grant select, insert, update, delete on app.attack to satchel_request;
`,
  },
  {
    name: "0019_sign_ups",
    checksum: "21a576d7fbc82b9b7bdfa503e9c3a831a546161823712d7cbe1663b92c46e921",
    text: `-- How people make accounts for themselves: the codes that let them, and how often strangers try.

create table app.sign_up_code (
  like template.tenant,
  sign_up_code_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  like template.audit including defaults including constraints,
  -- A keyed hash: who reads this table can join nothing.
  code_hash bytea not null constraint sign_up_code_hash_length check (octet_length(code_hash) = 32),
  -- Nobody becomes an admin by a code that is written on a blackboard.
  role text not null constraint sign_up_code_role check (role in ('student', 'teacher', 'parent')),
  uses_allowed integer not null constraint sign_up_code_uses_allowed_range check (uses_allowed between 1 and 10000),
  uses integer not null default 0 constraint sign_up_code_uses_range check (uses between 0 and uses_allowed),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  constraint sign_up_code_pkey primary key (organization_id, sign_up_code_id),
  constraint sign_up_code_organization_fkey foreign key (organization_id) references app.organization on delete cascade,
  constraint sign_up_code_created_by_fkey foreign key (organization_id, created_by_id) references app.user
    on delete set null (created_by_id),
  constraint sign_up_code_updated_by_fkey foreign key (organization_id, updated_by_id) references app.user
    on delete set null (updated_by_id)
);
comment on table app.sign_up_code is 'Codes by which people make accounts for themselves.';
create unique index sign_up_code_hash_unique on app.sign_up_code (organization_id, code_hash);
create index sign_up_code_created_by on app.sign_up_code (organization_id, created_by_id);
create index sign_up_code_updated_by on app.sign_up_code (organization_id, updated_by_id);
call app.protect('app.sign_up_code');
call app.audit('app.sign_up_code', 'sign_up_code_id');
call app.tag(
  'app.sign_up_code', 'none', 'sign_up_code_id', 'code_hash', 'role', 'uses_allowed', 'uses', 'expires_at', 'revoked_at'
);
grant select, insert, update on app.sign_up_code to satchel_request;

-- Who signed up without a code and has an account that waits for an address to be confirmed. Nobody else is here.
create table app.sign_up (
  like template.tenant,
  user_id uuid not null,
  created_at timestamptz not null default now(),
  constraint sign_up_pkey primary key (organization_id, user_id),
  constraint sign_up_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.sign_up is 'Accounts that people made without a code within the last days.';
create index sign_up_created on app.sign_up (organization_id, created_at);
call app.protect('app.sign_up');
call app.tag('app.sign_up', 'personal, row', 'user_id');
call app.tag('app.sign_up', 'none', 'created_at');
grant select, insert, update, delete on app.sign_up to satchel_request;

-- Counted before anything is looked at, in one statement under the row's lock, so that the limit is exact over all nodes.
create table app.sign_up_attempt (
  like template.tenant,
  -- A keyed hash of the network the attempt came from.
  network bytea not null constraint sign_up_attempt_network_length check (octet_length(network) = 32),
  like template.timestamps including defaults,
  since timestamptz not null default now(),
  attempts integer not null default 1 constraint sign_up_attempt_counts check (attempts > 0),
  constraint sign_up_attempt_pkey primary key (organization_id, network),
  constraint sign_up_attempt_organization_fkey foreign key (organization_id) references app.organization on delete cascade
);
comment on table app.sign_up_attempt is 'How often accounts were asked for from one network within the hour, without a code that is good.';
create index sign_up_attempt_since on app.sign_up_attempt (organization_id, since);
call app.protect('app.sign_up_attempt');
call app.keep_time('app.sign_up_attempt');
call app.tag('app.sign_up_attempt', 'personal, expires', 'network');
call app.tag('app.sign_up_attempt', 'none', 'since', 'attempts');
grant select, insert, update, delete on app.sign_up_attempt to satchel_request;

-- Nobody ever came in with such an account, so nothing else can have come of it: it goes whole, with what history has of
-- it, and no ledger of erased people grows with every stranger.
create function app.discard_sign_ups(older_than interval, at_most integer) returns setof uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  organization uuid := app.org();
  strangers uuid[];
begin
  select array_agg(w.user_id) into strangers
  from (
    select s.user_id
    from app.sign_up s
    join app."user" u on u.organization_id = s.organization_id and u.user_id = s.user_id
    join app.credential c on c.organization_id = s.organization_id and c.user_id = s.user_id
    where s.organization_id = organization and s.created_at < now() - older_than
      and u.status = 'pending' and u.email is null and u.deleted_at is null and c.last_login_at is null
    order by s.created_at
    limit at_most
    for update of s, u skip locked
  ) w;
  delete from app."user" u where u.organization_id = organization and u.user_id = any (strangers);
  delete from app.history h
  where h.organization_id = organization and h.row_id = any (strangers)
    and h.table_name = any (array(
      select p.table_name from app.personal_tables() p where p.is_theirs is not null and p.has_history
    ));
  return query select unnest(strangers);
end
$$;
comment on function app.discard_sign_ups(interval, integer) is
  'Removes, at most so many, accounts of the entered organization that somebody made and never confirmed; gives their ids.';
grant delete on app.user, app.history to satchel_eraser;
grant execute on function app.discard_sign_ups(interval, integer) to satchel_request;
grant create on schema app to satchel_eraser;
alter function app.discard_sign_ups(interval, integer) owner to satchel_eraser;
revoke create on schema app from satchel_eraser;
`,
  },
  {
    name: "0020_turns",
    checksum: "93611bf1abfacee597e330990623f92b06652cb567d5c7816c7695c9b934d4d9",
    text: `-- How far each job has come that goes through all organizations: it goes on there the next time, so that every one of them
-- gets its turn however many there are.
create table app.turn (
  job text not null constraint turn_job_form check (job ~ '^[a-z][a-z-]{0,62}$'),
  -- Null: it begins with the first one.
  after_id uuid,
  like template.timestamps including defaults,
  constraint turn_pkey primary key (job)
);
comment on table app.turn is 'The organization each round of a job has come to.';
call app.tag('app.turn', 'none', 'job', 'after_id', 'created_at', 'updated_at');
call app.keep_time('app.turn');
grant select, insert, update on app.turn to satchel_system;
`,
  },
  {
    name: "0021_mailed_links",
    checksum: "6dc293fcad0cba75863d74b4f394f8b5d6b920655e0d47c809761180b8652249",
    text: `-- Whether a link was mailed, and using it so shows that the person reads that mailbox; one that the operator hands over
-- shows nothing of it. Of those that are open already it is not known.
alter table app.link add column mailed boolean not null default false;
call app.tag('app.link', 'none', 'mailed');
`,
  },
  {
    name: "0022_follow_deletion",
    checksum: "e4cdf903da9d116e560184770c8f19efa517caae74ee9fc897f7663a309d94c0",
    text: `-- What hangs on a lesson goes with it and comes back with it, whoever deletes it: no door can forget one of its tables.

create function app.follow_deletion() returns trigger
language plpgsql
as $$
declare
  -- The lessons that are deleted now and were not, or the other way round.
  moved constant text :=
    'with moved as materialized (
       select organization_id, content_id, (array_agg(deleted_at) filter (where is_new))[1] as deleted_at,
         (array_agg(deleted_by_id) filter (where is_new))[1] as deleted_by_id,
         (array_agg(deletion_id) filter (where is_new))[1] as deletion_id,
         (array_agg(deletion_id) filter (where not is_new))[1] as was
       from (
         select true as is_new, organization_id, content_id, deleted_at, deleted_by_id, deletion_id from new_rows
         union all
         select false, organization_id, content_id, deleted_at, deleted_by_id, deletion_id from old_rows
       ) r
       group by organization_id, content_id
       having count(deletion_id) = 1
     ) ';
begin
  -- Of a thousand rows, too, in one look over each table: a join might compare each row with each other one.
  if not exists (
    select organization_id, content_id, deletion_id from new_rows
    except select organization_id, content_id, deletion_id from old_rows
  ) then
    return null;
  end if;
  -- What was deleted before has a mark of its own, by which the second statement leaves it alone.
  execute format(moved ||
    'update %s f
     set deleted_at = m.deleted_at, deleted_by_id = m.deleted_by_id, deletion_id = m.deletion_id
     from moved m
     where m.was is null and f.organization_id = m.organization_id and f.content_id = m.content_id
       and f.deletion_id is null', tg_argv[0]);
  execute format(moved ||
    'update %s f
     set deleted_at = null, deleted_by_id = null, deletion_id = null
     from moved m
     where m.was is not null and f.organization_id = m.organization_id and f.content_id = m.content_id
       and f.deletion_id = m.was', tg_argv[0]);
  return null;
end
$$;
comment on function app.follow_deletion() is
  'Deletes and restores the rows of the table it names with the lessons they belong to, under the same mark.';
grant execute on function app.follow_deletion() to satchel_request;

-- For tables with content_id and the columns of template.soft_delete; call it beside the table.
create procedure app.follow_deletion_of_content(follower regclass)
language plpgsql
as $$
begin
  execute format(
    'create trigger %I after update on app.content referencing old table as old_rows new table as new_rows
       for each statement execute function app.follow_deletion(%L)',
    'deletion_' || (select relname from pg_class where oid = follower), follower::text);
end
$$;
`,
  },
  {
    name: "0023_versions",
    checksum: "d4cc044d04747c4f08630c505b716e7524e344d049cb9b0aa0aabb0400c6bada",
    text: `-- Every text a lesson has had, which of them readers see, and since when. Staff write the working copy (app.content), readers
-- read app.publication; both are written by one statement, so that no door, import or job can let them fall apart.

-- What a trigger makes of a write, whoever writes: an update need only set texts, status and published_at.
--   latest_number         moves by one whenever a text changes: title, slug, description, body, content_type,
--                         difficulty_level, language, tags, prerequisites, learning_objectives, metadata, settings,
--                         estimated_duration_minutes. The version before it is the one it was made from.
--   restored_from_number  of the latest version; set together with its text. An update that leaves it alone makes it null.
--   live_number           what readers see: the latest while the status is \`published\`, nothing while published_at is
--                         null, and otherwise what it was: a draft beside what is live.
--   published_at          since when readers have seen something, and not this version.
--   publish_at            only while it is approved; any other status calls it off.
--   unpublish_at          only while something is live or will be.
alter table app.content
  add column latest_number integer not null default 1,
  add column live_number integer,
  add column restored_from_number integer,
  add column publish_at timestamptz,
  add column unpublish_at timestamptz;
call app.tag('app.content', 'none', 'latest_number', 'live_number', 'restored_from_number', 'publish_at', 'unpublish_at');
-- A draft may stand beside what is live.
alter table app.content drop constraint content_published_time;

create table app.content_version (
  like template.tenant,
  content_id uuid not null,
  number integer not null constraint content_version_number_positive check (number > 0),
  -- Whole microseconds apart from the version before.
  created_at timestamptz not null default now(),
  created_by_id uuid default app.actor(),
  restored_from_number integer,
  title text not null,
  slug text not null,
  description text not null,
  body text not null,
  content_type text not null
    constraint content_version_type check (content_type in ('lesson', 'tutorial', 'exercise', 'quiz', 'project', 'reference')),
  difficulty_level text not null
    constraint content_version_difficulty_level check (difficulty_level in ('beginner', 'intermediate', 'advanced', 'expert')),
  language text not null,
  tags text[] not null,
  prerequisites text[] not null,
  learning_objectives text[] not null,
  metadata json not null,
  settings json not null,
  estimated_duration_minutes integer,
  constraint content_version_pkey primary key (organization_id, content_id, number)
);
comment on table app.content_version is
  'Every text that a lesson has had. Nobody may write here but the trigger of app.content, and nobody may change a row.';
-- Without the rows of nobody it is no way to find a lesson's: of a table that was filled a moment ago the planner knows
-- nothing, and would read all of an organization's rows by it for each one.
create index content_version_created_by on app.content_version (organization_id, created_by_id) where created_by_id is not null;
call app.protect('app.content_version');
call app.tag(
  'app.content_version', 'none', 'content_id', 'number', 'restored_from_number', 'slug', 'description', 'body', 'content_type',
  'difficulty_level', 'language', 'tags', 'prerequisites', 'learning_objectives', 'metadata', 'settings', 'estimated_duration_minutes'
);
call app.tag('app.content_version', 'none, label', 'title');
grant select on app.content_version to satchel_request;

create table app.publication (
  like template.tenant,
  content_id uuid not null,
  -- The lesson's: when it was first written, and by whom.
  created_at timestamptz not null default now(),
  created_by_id uuid default app.actor(),
  -- Since when readers have seen it like this.
  updated_at timestamptz not null default now(),
  like template.soft_delete including constraints,
  number integer not null,
  -- The lesson's when this became what readers see: their ETag.
  version integer not null,
  source_id text,
  title text not null,
  slug text not null,
  description text not null,
  body text not null,
  content_type text not null
    constraint publication_type check (content_type in ('lesson', 'tutorial', 'exercise', 'quiz', 'project', 'reference')),
  difficulty_level text not null
    constraint publication_difficulty_level check (difficulty_level in ('beginner', 'intermediate', 'advanced', 'expert')),
  language text not null,
  tags text[] not null,
  prerequisites text[] not null,
  learning_objectives text[] not null,
  metadata json not null,
  settings json not null,
  estimated_duration_minutes integer,
  published_at timestamptz not null,
  constraint publication_pkey primary key (organization_id, content_id)
);
comment on table app.publication is
  'What readers see of each lesson: a copy of the live version, apart from the drafts, so that no query can show one by mistake.';
-- Two lessons may exchange their slugs as drafts; what readers ask for by its slug is one.
create unique index publication_slug_unique on app.publication (organization_id, slug) where deleted_at is null;
create index publication_source on app.publication (organization_id, source_id) where deleted_at is null and source_id is not null;
create index publication_live on app.publication (organization_id, content_id) where deleted_at is null;
create index publication_created_by on app.publication (organization_id, created_by_id) where created_by_id is not null;
create index publication_deleted_by on app.publication (organization_id, deleted_by_id) where deleted_by_id is not null;
call app.protect('app.publication');
call app.keep_time('app.publication');
call app.tag(
  'app.publication', 'none', 'content_id', 'number', 'version', 'source_id', 'slug', 'description', 'body', 'content_type',
  'difficulty_level', 'language', 'tags', 'prerequisites', 'learning_objectives', 'metadata', 'settings',
  'estimated_duration_minutes', 'published_at'
);
call app.tag('app.publication', 'none, label', 'title');
-- It goes and comes back with the lesson, on behalf of whoever deletes that.
grant select, update (deleted_at, deleted_by_id, deletion_id) on app.publication to satchel_request;

create table app.publication_period (
  like template.tenant,
  content_id uuid not null,
  like template.timestamps including defaults,
  number integer not null,
  published_at timestamptz not null,
  ended_at timestamptz,
  constraint publication_period_pkey primary key (organization_id, content_id, published_at),
  constraint publication_period_order check (ended_at >= published_at),
  constraint publication_period_version_fkey foreign key (organization_id, content_id, number) references app.content_version
    on delete cascade
);
comment on table app.publication_period is
  'When readers saw which version: from published_at up to, and without, ended_at. A deleted lesson is seen by nobody.';
create unique index publication_period_open_unique on app.publication_period (organization_id, content_id) where ended_at is null;
create index publication_period_version on app.publication_period (organization_id, content_id, number);
call app.protect('app.publication_period');
call app.keep_time('app.publication_period');
call app.tag('app.publication_period', 'none', 'content_id', 'number', 'published_at', 'ended_at');
grant select on app.publication_period to satchel_request;

-- The trigger writes as the owner, whom FORCE binds as well.
create policy owner_all on app.content_version for all to satchel_owner using (true) with check (true);
create policy owner_all on app.publication for all to satchel_owner using (true) with check (true);
create policy owner_all on app.publication_period for all to satchel_owner using (true) with check (true);

-- For each row, because it fills in columns of the row itself.
create function app.number_version() returns trigger
language plpgsql
as $$
begin
  if tg_op = 'INSERT' then
    new.latest_number := 1;
    new.live_number := null;
    new.restored_from_number := null;
  else
    new.live_number := old.live_number;
    if (new.title, new.slug, new.description, new.body, new.content_type, new.difficulty_level, new.language, new.tags,
        new.prerequisites, new.learning_objectives, new.metadata::text, new.settings::text, new.estimated_duration_minutes)
      is distinct from
       (old.title, old.slug, old.description, old.body, old.content_type, old.difficulty_level, old.language, old.tags,
        old.prerequisites, old.learning_objectives, old.metadata::text, old.settings::text, old.estimated_duration_minutes) then
      new.latest_number := old.latest_number + 1;
      -- Restoring the same version twice in a row changes no text: whoever names the same one again does so by leaving it.
      if new.restored_from_number is not distinct from old.restored_from_number then
        new.restored_from_number := null;
      end if;
    else
      new.latest_number := old.latest_number;
      new.restored_from_number := old.restored_from_number;
    end if;
  end if;
  if new.published_at is null then
    new.live_number := null;
  elsif new.status = 'published' then
    new.live_number := new.latest_number;
  end if;
  if new.status <> 'approved' then
    new.publish_at := null;
  end if;
  if new.live_number is null and new.publish_at is null then
    new.unpublish_at := null;
  end if;
  return new;
end
$$;
comment on function app.number_version() is 'Numbers the versions of a lesson, and says which of them is live.';
create trigger number_version before insert or update on app.content for each row execute function app.number_version();

-- Statement level with a transition table: an import of a thousand lessons is one insert here, not a thousand. With the
-- owner's rights, so that nobody else needs a right to write here and no version can be made up or altered. It looks at what
-- is kept, not at what the rows were before: whatever was missed is made up for by the next update.
create function app.keep_versions() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
-- The plans that are kept must not read all that is kept, however many rows the statement had, and however few the tables,
-- when they were made. \`offset 0\`: what is open is looked up for each row, or all that is open anywhere would be read.
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
begin
  -- The time of each is the lesson's own, which moves with every update, also where a transaction that began earlier writes
  -- later: versions follow each other in the order of their numbers, and no two periods overlap.
  insert into app.content_version
    (organization_id, content_id, number, created_at, restored_from_number, title, slug, description, body, content_type,
     difficulty_level, language, tags, prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes)
  select n.organization_id, n.content_id, n.latest_number, n.updated_at, n.restored_from_number, n.title, n.slug,
    n.description, n.body, n.content_type, n.difficulty_level, n.language, n.tags, n.prerequisites, n.learning_objectives,
    n.metadata, n.settings, n.estimated_duration_minutes
  from new_rows n
  where not exists (
    select from app.content_version v
    where v.organization_id = n.organization_id and v.content_id = n.content_id and v.number = n.latest_number
  );
  -- Taken away first and then put back: two lessons that exchange their slugs may be published together.
  delete from app.publication p
  using new_rows n
  where p.organization_id = n.organization_id and p.content_id = n.content_id
    and (p.number, p.published_at) is distinct from (n.live_number, n.published_at);
  insert into app.publication
    (organization_id, content_id, created_at, created_by_id, deleted_at, deleted_by_id, deletion_id, number, version, source_id,
     title, slug, description, body, content_type, difficulty_level, language, tags, prerequisites, learning_objectives,
     metadata, settings, estimated_duration_minutes, published_at)
  select n.organization_id, n.content_id, n.created_at, n.created_by_id, n.deleted_at, n.deleted_by_id, n.deletion_id,
    v.number, n.version, n.source_id, v.title, v.slug, v.description, v.body, v.content_type, v.difficulty_level, v.language,
    v.tags, v.prerequisites, v.learning_objectives, v.metadata, v.settings, v.estimated_duration_minutes, n.published_at
  from new_rows n
  join app.content_version v
    on v.organization_id = n.organization_id and v.content_id = n.content_id and v.number = n.live_number
  where not exists (
    select from app.publication p where p.organization_id = n.organization_id and p.content_id = n.content_id
  );
  -- The name where it comes from is no text: the rest of what readers see stays, also what a renamed tag has become there.
  update app.publication p
  set source_id = n.source_id, version = n.version
  from new_rows n
  where p.organization_id = n.organization_id and p.content_id = n.content_id and p.source_id is distinct from n.source_id;
  update app.publication_period p
  set ended_at = n.updated_at
  from new_rows n
  cross join lateral (
    select o.published_at
    from app.publication_period o
    where o.organization_id = n.organization_id and o.content_id = n.content_id and o.ended_at is null
    offset 0
  ) o
  where p.organization_id = n.organization_id and p.content_id = n.content_id and p.published_at = o.published_at
    and p.number is distinct from case when n.deleted_at is null then n.live_number end;
  insert into app.publication_period (organization_id, content_id, number, published_at)
  select n.organization_id, n.content_id, n.live_number, n.updated_at
  from new_rows n
  where n.live_number is not null and n.deleted_at is null
    and not exists (
      select from app.publication_period p
      where p.organization_id = n.organization_id and p.content_id = n.content_id and p.ended_at is null
      offset 0
    );
  return null;
end
$$;
comment on function app.keep_versions() is
  'Writes app.content_version, app.publication and app.publication_period for one statement.';
create trigger version_insert after insert on app.content referencing new table as new_rows
  for each statement execute function app.keep_versions();
create trigger version_update after update on app.content referencing new table as new_rows
  for each statement execute function app.keep_versions();
call app.follow_deletion_of_content('app.publication');

-- What there was before follows in the next migration: copying all texts may take its time, and nothing may wait for it.
alter table app.content
  add constraint content_live_time check ((live_number is null) = (published_at is null)) not valid,
  add constraint content_live_known check (live_number <= latest_number) not valid,
  add constraint content_live_status check (
    case status when 'published' then live_number is not null and live_number = latest_number when 'archived' then live_number is null else true end
  ) not valid,
  add constraint content_schedule_status check (publish_at is null or status = 'approved') not valid,
  add constraint content_schedule_order check (unpublish_at > publish_at) not valid,
  add constraint content_schedule_live check (unpublish_at is null or live_number is not null or publish_at is not null)
    not valid;
alter table app.content_version
  add constraint content_version_content_fkey foreign key (organization_id, content_id) references app.content
    on delete cascade not valid,
  add constraint content_version_created_by_fkey foreign key (organization_id, created_by_id) references app.user
    on delete set null (created_by_id) not valid;
alter table app.publication
  add constraint publication_content_fkey foreign key (organization_id, content_id) references app.content
    on delete cascade not valid,
  add constraint publication_created_by_fkey foreign key (organization_id, created_by_id) references app.user
    on delete set null (created_by_id) not valid,
  add constraint publication_deleted_by_fkey foreign key (organization_id, deleted_by_id) references app.user
    on delete set null (deleted_by_id) not valid;
-- Only until then: the owner, too, sees no lesson and no person without a policy.
create policy backfill on app.content for all to satchel_owner using (true) with check (true);
create policy backfill on app.user for select to satchel_owner using (true);
`,
  },
  {
    name: "0024_backfill_versions",
    checksum: "f0c48b0026d20748b6530f3def1faeed641db3ce0d31db3a2805704017c0c528",
    text: `-- What was there before versions were: every lesson gets version 1 of its text, and what is published its publication. No
-- earlier text was kept as a version, so version 1 stands for all that came before: it is the lesson's from its beginning.
-- Nobody waits for the copying; a lesson that is written meanwhile has its version from the trigger.
insert into app.content_version
  (organization_id, content_id, number, created_at, created_by_id, title, slug, description, body, content_type,
   difficulty_level, language, tags, prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes)
select organization_id, content_id, latest_number, created_at, created_by_id, title, slug, description, body, content_type,
  difficulty_level, language, tags, prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes
from app.content
on conflict do nothing;
alter table app.content_version
  validate constraint content_version_content_fkey,
  validate constraint content_version_created_by_fkey;

-- From here on writers of lessons wait, and readers do not. No update of a lesson: its version is its ETag.
alter table app.content disable trigger user;
update app.content
set live_number = latest_number
where status = 'published' and live_number is null;
alter table app.content enable trigger user;
insert into app.publication
  (organization_id, content_id, created_at, created_by_id, deleted_at, deleted_by_id, deletion_id, number, version, source_id,
   title, slug, description, body, content_type, difficulty_level, language, tags, prerequisites, learning_objectives,
   metadata, settings, estimated_duration_minutes, published_at)
select organization_id, content_id, created_at, created_by_id, deleted_at, deleted_by_id, deletion_id, live_number, version,
  source_id, title, slug, description, body, content_type, difficulty_level, language, tags, prerequisites,
  learning_objectives, metadata, settings, estimated_duration_minutes, published_at
from app.content
where live_number = latest_number
on conflict do nothing;
insert into app.publication_period (organization_id, content_id, number, published_at)
select organization_id, content_id, live_number, published_at
from app.content
where live_number = latest_number and deleted_at is null
on conflict do nothing;

alter table app.content
  validate constraint content_live_time,
  validate constraint content_live_known,
  validate constraint content_live_status,
  validate constraint content_schedule_status,
  validate constraint content_schedule_order,
  validate constraint content_schedule_live;
alter table app.publication
  validate constraint publication_content_fkey,
  validate constraint publication_created_by_fkey,
  validate constraint publication_deleted_by_fkey;
drop policy backfill on app.content;
drop policy backfill on app.user;
`,
  },
  {
    name: "0025_attachments",
    checksum: "4902ebfd3ce1970b04d414291751464b1adc6de8b740d8efa3d9ecc4eaae6d05",
    text: `-- What hangs on lessons as bytes: where each file is kept, and under which name and where in the order it is shown.

-- The bytes lie outside the database, at an address made of the organization, their hash and the id of this row (src/storage.ts).
-- A row is there before its bytes and, once gone, never comes back, since no id is given twice: bytes without a row are
-- nobody's, however late they were written, and may be removed by whoever finds them.
create table app.file (
  like template.tenant,
  file_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  sha256 bytea not null constraint file_sha256_length check (octet_length(sha256) = 32),
  -- What a number of JavaScript holds exactly.
  size bigint not null constraint file_size_range check (size between 0 and 9007199254740991),
  -- Null: the bytes may be only half there.
  stored_at timestamptz,
  uses integer not null default 0 constraint file_uses_counts check (uses >= 0),
  constraint file_used_when_stored check (uses = 0 or stored_at is not null),
  constraint file_pkey primary key (organization_id, file_id),
  constraint file_organization_fkey foreign key (organization_id) references app.organization
);
comment on table app.file is 'Bytes of an organization, kept once however many attachments they are.';
-- Within the organization: that another one has the same file must not show, neither in time nor in space.
create unique index file_sha256_unique on app.file (organization_id, sha256) where stored_at is not null;
create index file_unused on app.file (organization_id, file_id) where uses = 0;
call app.protect('app.file');
call app.keep_time('app.file');
call app.tag('app.file', 'none', 'file_id', 'sha256', 'size', 'stored_at', 'uses');
grant select, insert (organization_id, file_id, sha256, size), update (stored_at), delete on app.file to satchel_request;
-- The trigger below counts as the owner, whom FORCE binds as well.
create policy owner_all on app.file for all to satchel_owner using (true) with check (true);

create table app.attachment (
  like template.tenant,
  attachment_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  like template.audit including defaults including constraints,
  like template.soft_delete including constraints,
  content_id uuid not null,
  file_id uuid not null,
  name text not null
    constraint attachment_name_form check (char_length(name) between 1 and 255 and name !~ '[[:cntrl:]/\\\\]'),
  description text not null default '' constraint attachment_description_length check (char_length(description) <= 1000),
  -- Found out from the bytes. Of the attachment and not of the file: the same text is a table under one name only.
  media_type text not null
    constraint attachment_media_type_form check (media_type ~ '^[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}$'),
  position integer not null constraint attachment_position_positive check (position > 0),
  constraint attachment_pkey primary key (organization_id, attachment_id),
  constraint attachment_organization_fkey foreign key (organization_id) references app.organization,
  constraint attachment_content_fkey foreign key (organization_id, content_id) references app.content,
  constraint attachment_file_fkey foreign key (organization_id, file_id) references app.file,
  constraint attachment_created_by_fkey foreign key (organization_id, created_by_id) references app.user
    on delete set null (created_by_id),
  constraint attachment_updated_by_fkey foreign key (organization_id, updated_by_id) references app.user
    on delete set null (updated_by_id),
  constraint attachment_deleted_by_fkey foreign key (organization_id, deleted_by_id) references app.user
    on delete set null (deleted_by_id)
);
comment on table app.attachment is 'A file as it hangs on a lesson.';
create index attachment_content on app.attachment (organization_id, content_id, position, attachment_id);
create index attachment_file on app.attachment (organization_id, file_id);
create index attachment_deleted on app.attachment (organization_id, deleted_at) where deleted_at is not null;
create index attachment_created_by on app.attachment (organization_id, created_by_id);
create index attachment_updated_by on app.attachment (organization_id, updated_by_id);
create index attachment_deleted_by on app.attachment (organization_id, deleted_by_id);
call app.protect('app.attachment');
call app.audit('app.attachment', 'attachment_id');
call app.tag('app.attachment', 'none', 'attachment_id', 'content_id', 'file_id', 'description', 'media_type', 'position');
call app.tag('app.attachment', 'none, label', 'name');
grant select, insert, update, delete on app.attachment to satchel_request;
call app.follow_deletion_of_content('app.attachment');

-- A file counts in the quota of storage once, as long as an attachment that is not deleted names it: from the first to the
-- last. The rows of the files are locked, in one order for everybody, before that of the usage.
create function app.count_files() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  organizations uuid[];
  files uuid[];
  more integer[];
  c record;
begin
  if tg_op = 'INSERT' then
    select array_agg(organization_id), array_agg(file_id), array_agg(n) into organizations, files, more
    from (
      select organization_id, file_id, count(*)::integer as n from new_rows where deleted_at is null group by 1, 2
    ) d;
  elsif tg_op = 'DELETE' then
    select array_agg(organization_id), array_agg(file_id), array_agg(n) into organizations, files, more
    from (
      select organization_id, file_id, -count(*)::integer as n from old_rows where deleted_at is null group by 1, 2
    ) d;
  else
    select array_agg(organization_id), array_agg(file_id), array_agg(n) into organizations, files, more
    from (
      select organization_id, file_id, sum(sign)::integer as n
      from (
        select 1 as sign, organization_id, file_id from new_rows where deleted_at is null
        union all
        select -1, organization_id, file_id from old_rows where deleted_at is null
      ) r
      group by 1, 2 having sum(sign) <> 0
    ) d;
  end if;
  if files is null then
    return null;
  end if;
  perform from app.file f
  where (f.organization_id, f.file_id) in (select * from unnest(organizations, files))
  order by f.organization_id, f.file_id
  for update;
  for c in
    with counted as (
      update app.file f set uses = f.uses + d.n
      from unnest(organizations, files, more) d (organization_id, file_id, n)
      where f.organization_id = d.organization_id and f.file_id = d.file_id
      returning f.organization_id, f.size, f.uses, d.n
    )
    select organization_id, sum(case when uses = 0 then -size when uses = n then size else 0 end)::bigint as bytes
    from counted group by 1 order by 1
  loop
    perform app.use_quota(c.organization_id, 0, c.bytes);
  end loop;
  return null;
end
$$;
comment on function app.count_files() is 'Counts the attachments of one statement into app.file, and their bytes into app.usage.';
create trigger usage_insert after insert on app.attachment referencing new table as new_rows
  for each statement execute function app.count_files();
create trigger usage_update after update on app.attachment referencing old table as old_rows new table as new_rows
  for each statement execute function app.count_files();
create trigger usage_delete after delete on app.attachment referencing old table as old_rows
  for each statement execute function app.count_files();
`,
  },
  {
    name: "0026_comments",
    checksum: "0f909e4628c7939bb88149e71a616dcb22dc5cbfa3f2c1e4828060279bae45f8",
    text: `-- What people say to each other under a lesson, who agrees with it, and who finds that it should not stand there.

create table app.comment (
  like template.tenant,
  comment_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  like template.audit including defaults including constraints,
  like template.soft_delete including constraints,
  content_id uuid not null,
  -- The comment that this one answers; null: it stands directly under the lesson.
  parent_id uuid,
  -- What it is listed under: one index serves the top of a lesson and the replies of a comment alike.
  under_id uuid not null generated always as (coalesce(parent_id, content_id)) stored,
  -- The ids from the top of the thread down to this one, sixteen bytes each: whatever stands below a comment, at any
  -- depth, is one range of an index. So counts are counted and kept nowhere, where they could go wrong.
  path bytea not null constraint comment_depth check (octet_length(path) <= 80),
  author_id uuid not null,
  -- Markdown, as written; null once its author is erased.
  body text constraint comment_body_length check (char_length(body) between 1 and 10000),
  edited_at timestamptz,
  state text not null constraint comment_state check (state in ('waiting', 'approved', 'rejected')),
  constraint comment_pkey primary key (organization_id, comment_id),
  -- Names the lesson too, for the reference below.
  constraint comment_content_unique unique (organization_id, content_id, comment_id),
  constraint comment_content_fkey foreign key (organization_id, content_id) references app.content,
  -- No thread leads from one lesson to another.
  constraint comment_parent_fkey foreign key (organization_id, content_id, parent_id)
    references app.comment (organization_id, content_id, comment_id),
  constraint comment_author_fkey foreign key (organization_id, author_id) references app.user,
  constraint comment_created_by_fkey foreign key (organization_id, created_by_id) references app.user on delete set null (created_by_id),
  constraint comment_updated_by_fkey foreign key (organization_id, updated_by_id) references app.user on delete set null (updated_by_id),
  constraint comment_deleted_by_fkey foreign key (organization_id, deleted_by_id) references app.user on delete set null (deleted_by_id)
);
comment on table app.comment is 'What somebody has written under a lesson, or in answer to another comment there.';
create index comment_under on app.comment (organization_id, under_id, comment_id);
-- What everybody sees: counts of lessons and of threads read this index alone.
create index comment_visible on app.comment (organization_id, content_id, path)
  where deleted_at is null and state = 'approved' and body is not null;
-- What moderators look for.
create index comment_unapproved on app.comment (organization_id, state, comment_id) where deleted_at is null and state <> 'approved';
create index comment_deleted on app.comment (organization_id, comment_id) where deleted_at is not null;
create index comment_parent on app.comment (organization_id, content_id, parent_id);
create index comment_author on app.comment (organization_id, author_id, comment_id);
create index comment_created_by on app.comment (organization_id, created_by_id);
create index comment_updated_by on app.comment (organization_id, updated_by_id);
create index comment_deleted_by on app.comment (organization_id, deleted_by_id);
call app.protect('app.comment');
call app.audit('app.comment', 'comment_id', array['under_id', 'path']);
call app.follow_deletion_of_content('app.comment');
call app.tag('app.comment', 'none', 'comment_id', 'content_id', 'parent_id', 'path', 'state', 'edited_at');
call app.tag('app.comment', 'derived', 'under_id');
call app.tag('app.comment', 'personal, person', 'author_id');
call app.tag('app.comment', 'personal, null', 'body');
grant select, insert on app.comment to satchel_request;
-- Where a comment stands and whose it is never changes.
grant update (body, edited_at, state, deleted_at, deleted_by_id, deletion_id) on app.comment to satchel_request;

create function app.place_comment() returns trigger
language plpgsql
as $$
begin
  -- A parent of another lesson gives no path, and is refused by its reference.
  new.path := coalesce((
    select c.path from app.comment c
    where c.organization_id = new.organization_id and c.content_id = new.content_id and c.comment_id = new.parent_id
  ), ''::bytea) || uuid_send(new.comment_id);
  return new;
end
$$;
comment on function app.place_comment() is 'Gives a new comment its path, whoever inserts it.';
create trigger place before insert on app.comment for each row execute function app.place_comment();

-- Stable and not inlined: it is asked for the few rows of a page, and for what is hidden while a page is looked for.
create function app.count_replies(organization uuid, lesson uuid, above bytea) returns integer
language sql stable parallel safe
return (
  select count(*)::integer from app.comment c
  where c.organization_id = organization and c.content_id = lesson and c.path > above and c.path < above || '\\xff'::bytea
    and c.deleted_at is null and c.state = 'approved' and c.body is not null
);
comment on function app.count_replies(uuid, uuid, bytea) is
  'How many comments that everybody sees stand below one, at any depth.';

create table app.comment_upvote (
  like template.tenant,
  comment_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null default now(),
  constraint comment_upvote_pkey primary key (organization_id, comment_id, user_id),
  constraint comment_upvote_comment_fkey foreign key (organization_id, comment_id) references app.comment,
  constraint comment_upvote_user_fkey foreign key (organization_id, user_id) references app.user
);
comment on table app.comment_upvote is 'Who agrees with a comment: one vote a person.';
create index comment_upvote_user on app.comment_upvote (organization_id, user_id);
call app.protect('app.comment_upvote');
call app.tag('app.comment_upvote', 'none', 'comment_id');
-- The vote of somebody who is erased stays, of nobody in particular: or counts would tell who has gone.
call app.tag('app.comment_upvote', 'personal, person', 'user_id');
grant select, insert, delete on app.comment_upvote to satchel_request;

-- Apart from the comment: a vote must move neither its version nor its history. Kept and not counted, since comments are
-- put in order by it.
create table app.comment_score (
  like template.tenant,
  comment_id uuid not null,
  like template.timestamps including defaults,
  under_id uuid not null,
  upvotes integer not null default 0 constraint comment_score_upvotes_counts check (upvotes >= 0),
  constraint comment_score_pkey primary key (organization_id, comment_id),
  constraint comment_score_comment_fkey foreign key (organization_id, comment_id) references app.comment
);
comment on table app.comment_score is 'How many agree with a comment.';
create index comment_score_order on app.comment_score (organization_id, under_id, upvotes, comment_id);
call app.protect('app.comment_score');
call app.keep_time('app.comment_score');
call app.tag('app.comment_score', 'none', 'comment_id', 'upvotes');
call app.tag('app.comment_score', 'derived', 'under_id');
grant select, insert on app.comment_score to satchel_request;
grant update (upvotes) on app.comment_score to satchel_request;

create function app.begin_comment_score() returns trigger
language plpgsql
as $$
begin
  insert into app.comment_score (organization_id, comment_id, under_id) select organization_id, comment_id, under_id from new_rows;
  return null;
end
$$;
comment on function app.begin_comment_score() is 'Gives new comments the score they begin with.';
create trigger begin_score after insert on app.comment referencing new table as new_rows
  for each statement execute function app.begin_comment_score();

create function app.count_upvotes() returns trigger
language plpgsql
as $$
begin
  update app.comment_score s
  set upvotes = s.upvotes + case when tg_op = 'INSERT' then v.votes else -v.votes end
  from (select organization_id, comment_id, count(*)::integer as votes from touched group by 1, 2) v
  where s.organization_id = v.organization_id and s.comment_id = v.comment_id;
  return null;
end
$$;
comment on function app.count_upvotes() is 'Keeps the score of comments equal to their votes.';
create trigger count_given after insert on app.comment_upvote referencing new table as touched
  for each statement execute function app.count_upvotes();
create trigger count_taken after delete on app.comment_upvote referencing old table as touched
  for each statement execute function app.count_upvotes();

create table app.comment_flag (
  like template.tenant,
  comment_id uuid not null,
  user_id uuid not null,
  like template.timestamps including defaults,
  -- From a closed list: a free text would soon hold what is said about people, of whom nobody could tell whose it is.
  reason text not null
    constraint comment_flag_reason check (reason in ('spam', 'abuse', 'personal_data', 'off_topic', 'other')),
  flagged_at timestamptz not null default now(),
  resolved_at timestamptz,
  resolved_by_id uuid,
  resolution text constraint comment_flag_resolution check (resolution in ('dismissed', 'upheld')),
  constraint comment_flag_pkey primary key (organization_id, comment_id, user_id),
  constraint comment_flag_resolved_whole check ((resolved_at is null) = (resolution is null)),
  constraint comment_flag_comment_fkey foreign key (organization_id, comment_id) references app.comment,
  constraint comment_flag_user_fkey foreign key (organization_id, user_id) references app.user,
  constraint comment_flag_resolved_by_fkey foreign key (organization_id, resolved_by_id) references app.user
    on delete set null (resolved_by_id)
);
comment on table app.comment_flag is 'Who finds that a comment should not stand there: one flag a person, open until a moderator has looked.';
create index comment_flag_open on app.comment_flag (organization_id, comment_id) where resolved_at is null;
create index comment_flag_user on app.comment_flag (organization_id, user_id);
create index comment_flag_resolved_by on app.comment_flag (organization_id, resolved_by_id);
call app.protect('app.comment_flag');
call app.keep_time('app.comment_flag');
call app.tag('app.comment_flag', 'none', 'comment_id', 'reason', 'flagged_at', 'resolved_at', 'resolution');
call app.tag('app.comment_flag', 'personal, person', 'user_id');
call app.tag('app.comment_flag', 'personal, reference', 'resolved_by_id');
grant select, insert on app.comment_flag to satchel_request;
grant update (reason, flagged_at, resolved_at, resolved_by_id, resolution) on app.comment_flag to satchel_request;

grant execute on function app.place_comment(), app.count_replies(uuid, uuid, bytea), app.begin_comment_score(), app.count_upvotes()
  to satchel_request;
`,
  },
  {
    name: "0027_ratings",
    checksum: "c81f5cc6d00901ae707090213ba34030952bd80ad439e485b04a09aa539572ae",
    text: `-- What people think of a lesson: stars, and if they like a few words, which others may call helpful.

-- An update that changes nothing but columns that follow from others (a count of votes) is no change of the row: until now
-- it would have left an empty record. Nothing else is new in this function.
create or replace function app.keep_history() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
-- The plan that is kept was made for one row. A nested loop would compare each row of a batch with each other one.
set enable_nestloop = off
as $$
begin
  if tg_op = 'INSERT' then
    insert into app.history (organization_id, table_name, row_id, version, action, after)
    select n.organization_id, tg_table_name, (doc ->> tg_argv[0])::uuid, (doc ->> 'version')::integer, 'insert', doc
    from new_rows n cross join lateral (select to_jsonb(n) - tg_argv[1:] as doc) d;
  elsif tg_op = 'DELETE' then
    insert into app.history (organization_id, table_name, row_id, version, action, before)
    select o.organization_id, tg_table_name, (doc ->> tg_argv[0])::uuid, (doc ->> 'version')::integer, 'delete', doc
    from old_rows o cross join lateral (select to_jsonb(o) - tg_argv[1:] as doc) d;
  else
    -- Only the columns that changed: a corrected typing mistake in a title must not store the body twice more.
    -- Materialized: otherwise each row would be turned into a document once for each of its columns.
    insert into app.history (organization_id, table_name, row_id, version, action, before, after)
    with
      n as materialized (
        select r.organization_id, (doc ->> tg_argv[0])::uuid as id, doc
        from new_rows r cross join lateral (select to_jsonb(r) - tg_argv[1:] as doc) d
      ),
      o as materialized (
        select r.organization_id, (doc ->> tg_argv[0])::uuid as id, doc
        from old_rows r cross join lateral (select to_jsonb(r) - tg_argv[1:] as doc) d
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
    ) changed
    where o.doc is null or n.doc is null or changed.before is not null;
  end if;
  return null;
end
$$;

-- Where the sums live: nowhere. They are counted at every read from rating_stars, which holds nothing but the lesson, the
-- stars and where the row is, so that PostgreSQL keeps equal entries as one with a list: exact by construction, and raters
-- share nothing that could become a bottleneck. Measured with PostgreSQL 15 on two cores, 15 writers on one lesson at
-- once: a sum in one row 0.8 thousand a second, sums in sixteen slots 4.6, none 6.2. Reading costs 0.1 ms for a thousand
-- ratings and 11 ms for a hundred thousand of one lesson, or for a page of a hundred lessons with a thousand each 20 ms;
-- a lesson has as many as a school has people, so the slots would have cost more than they give.
create table app.rating (
  like template.tenant,
  rating_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  -- A withdrawn rating has a mark of its own, by which the restoring of its lesson leaves it alone.
  like template.soft_delete including constraints,
  content_id uuid not null,
  user_id uuid not null,
  stars integer not null constraint rating_stars_range check (stars between 1 and 5),
  review text constraint rating_review_length check (char_length(review) between 1 and 5000),
  -- By staff: the words are out of sight, the stars count.
  hidden_at timestamptz,
  hidden_by_id uuid,
  -- Kept by a trigger: the list of the most helpful reads it in the order of an index.
  helpful_count integer not null default 0 constraint rating_helpful_count_counts check (helpful_count >= 0),
  constraint rating_pkey primary key (organization_id, rating_id),
  constraint rating_content_fkey foreign key (organization_id, content_id) references app.content,
  constraint rating_user_fkey foreign key (organization_id, user_id) references app.user,
  constraint rating_deleted_by_fkey foreign key (organization_id, deleted_by_id) references app.user
    on delete set null (deleted_by_id),
  constraint rating_hidden_by_fkey foreign key (organization_id, hidden_by_id) references app.user
    on delete set null (hidden_by_id)
);
comment on table app.rating is 'What a person thinks of a lesson: one to five stars, and perhaps a few words.';
create unique index rating_person_unique on app.rating (organization_id, content_id, user_id) where deleted_at is null;
create index rating_stars on app.rating (organization_id, content_id, stars) where deleted_at is null;
create index rating_newest on app.rating (organization_id, content_id, rating_id)
  where deleted_at is null and review is not null;
create index rating_most_helpful on app.rating (organization_id, content_id, helpful_count, rating_id)
  where deleted_at is null and review is not null;
-- Of a lesson that is deleted or restored; the index above knows only what is live.
create index rating_content on app.rating (organization_id, content_id, deletion_id);
create index rating_user on app.rating (organization_id, user_id);
create index rating_deleted_by on app.rating (organization_id, deleted_by_id);
create index rating_hidden_by on app.rating (organization_id, hidden_by_id);
call app.protect('app.rating');
-- A vote of somebody else is no change of the rating.
create trigger touch before update on app.rating for each row
  when (old.helpful_count = new.helpful_count) execute function app.touch();
call app.record_history('app.rating', 'rating_id', array['helpful_count']);
call app.follow_deletion_of_content('app.rating');
-- The stars of somebody of whom nobody knows any more who they were go on counting; their words are theirs and go.
call app.tag('app.rating', 'personal, person', 'user_id');
call app.tag('app.rating', 'personal, kept', 'stars');
call app.tag('app.rating', 'personal, null', 'review');
call app.tag('app.rating', 'personal, reference', 'hidden_by_id');
call app.tag('app.rating', 'none', 'rating_id', 'content_id', 'hidden_at', 'helpful_count');
grant select, insert on app.rating to satchel_request;
-- Whose rating of what it is stays.
grant update (stars, review, hidden_at, hidden_by_id, helpful_count, deleted_at, deleted_by_id, deletion_id) on app.rating
  to satchel_request;

create table app.helpful_vote (
  like template.tenant,
  rating_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null default now(),
  constraint helpful_vote_pkey primary key (organization_id, rating_id, user_id),
  constraint helpful_vote_rating_fkey foreign key (organization_id, rating_id) references app.rating,
  constraint helpful_vote_user_fkey foreign key (organization_id, user_id) references app.user
);
comment on table app.helpful_vote is 'Who found the review of a rating helpful.';
create index helpful_vote_user on app.helpful_vote (organization_id, user_id);
call app.protect('app.helpful_vote');
-- As the stars: what somebody found helpful who was erased since stays as helpful as it was.
call app.tag('app.helpful_vote', 'personal, person', 'user_id');
call app.tag('app.helpful_vote', 'none', 'rating_id');
grant select, insert, delete on app.helpful_vote to satchel_request;

create function app.count_helpful() returns trigger
language plpgsql
as $$
begin
  update app.rating r
  set helpful_count = r.helpful_count + case when tg_op = 'INSERT' then v.votes else -v.votes end
  from (select organization_id, rating_id, count(*)::int as votes from touched group by 1, 2) v
  where r.organization_id = v.organization_id and r.rating_id = v.rating_id;
  return null;
end
$$;
comment on function app.count_helpful() is 'Counts the votes of one statement into the ratings they are about.';
create trigger count_given after insert on app.helpful_vote referencing new table as touched
  for each statement execute function app.count_helpful();
create trigger count_taken after delete on app.helpful_vote referencing old table as touched
  for each statement execute function app.count_helpful();
grant execute on function app.count_helpful() to satchel_request;
`,
  },
  {
    name: "0028_content_lists",
    checksum: "02b78e29e804d4232065379e4eaf7b78e5e736516dab21b2d24d78e975344614",
    text: `-- What lists of lessons are put in order and filtered by: one narrow row for what staff see of a lesson and one for what
-- readers see, kept by triggers. The lessons themselves are wide, are read by nobody before a page is known, and stay
-- without an index for every order: each would have to be written anew whenever a lesson is saved.

create table app.content_listing (
  like template.tenant,
  content_id uuid not null,
  -- staff: app.content; readers: app.publication.
  audience text not null constraint content_listing_audience check (audience in ('staff', 'readers')),
  -- The lesson's, as are all the others.
  created_at timestamptz not null default now(),
  changed_at timestamptz not null,
  -- What was never published comes before whatever was.
  published_at timestamptz not null,
  title_key text collate "C" not null,
  live boolean not null,
  status text not null,
  content_type text not null,
  difficulty_level text not null,
  language text not null,
  author_id uuid,
  source_id text,
  slug text not null,
  tags text[] not null,
  constraint content_listing_pkey primary key (organization_id, content_id, audience),
  constraint content_listing_content_fkey foreign key (organization_id, content_id) references app.content on delete cascade
);
comment on table app.content_listing is 'What lists of lessons are filtered by and put in order by: a copy, apart from the texts.';
-- One for each order: a page is read from its place in it, and nothing is sorted.
create index content_listing_created on app.content_listing (organization_id, audience, live, created_at, content_id);
create index content_listing_changed on app.content_listing (organization_id, audience, live, changed_at, content_id);
create index content_listing_published on app.content_listing (organization_id, audience, live, published_at, content_id);
create index content_listing_title on app.content_listing (organization_id, audience, live, title_key, content_id);
-- One for each filter: what is rare is found by it, and not by walking through all the others.
create index content_listing_kinds on app.content_listing
  (organization_id, audience, live, status, content_type, difficulty_level, language, content_id);
create index content_listing_author on app.content_listing (organization_id, audience, author_id, content_id);
create index content_listing_source on app.content_listing (organization_id, audience, source_id, content_id);
create index content_listing_slug on app.content_listing (organization_id, audience, slug, content_id);
call app.protect('app.content_listing');
call app.tag(
  'app.content_listing', 'derived', 'content_id', 'audience', 'changed_at', 'published_at', 'title_key', 'live', 'status',
  'content_type', 'difficulty_level', 'language', 'author_id', 'source_id', 'slug', 'tags'
);
grant select on app.content_listing to satchel_request;

-- The tags once more, a row for each: an index on arrays (GIN) is of no use under row-level security.
create table app.content_listing_tag (
  like template.tenant,
  tag text not null,
  audience text not null,
  content_id uuid not null,
  created_at timestamptz not null default now(),
  constraint content_listing_tag_pkey primary key (organization_id, audience, tag, content_id),
  constraint content_listing_tag_listing_fkey foreign key (organization_id, content_id, audience)
    references app.content_listing on delete cascade
);
comment on table app.content_listing_tag is 'Which lessons carry a tag, as staff and as readers see them.';
create index content_listing_tag_listing on app.content_listing_tag (organization_id, content_id, audience);
call app.protect('app.content_listing_tag');
call app.tag('app.content_listing_tag', 'derived', 'tag', 'audience', 'content_id');
grant select on app.content_listing_tag to satchel_request;

-- The triggers write as the owner, whom FORCE binds as well.
create policy owner_all on app.content_listing for all to satchel_owner using (true) with check (true);
create policy owner_all on app.content_listing_tag for all to satchel_owner using (true) with check (true);

-- With the owner's rights, so that nobody else needs a right to write here. Statement level: an import of a thousand
-- lessons is three statements here, not three thousand.
create function app.list_contents() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
-- The plan that is kept must not read all that is listed, however many rows the statement had, and however few the table,
-- when it was made. What names an audience names it in a row of the statement: by one that is known beforehand the planner
-- would walk through all that is listed for it, of every organization.
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
begin
  if tg_op = 'DELETE' then
    delete from app.content_listing l
    using (select organization_id, content_id, 'readers' as audience from old_rows offset 0) o
    where l.organization_id = o.organization_id and l.content_id = o.content_id and l.audience = o.audience;
    return null;
  end if;
  if tg_table_name = 'content' then
    insert into app.content_listing as l
      (organization_id, content_id, audience, created_at, changed_at, published_at, title_key, live, status, content_type,
       difficulty_level, language, author_id, source_id, slug, tags)
    select organization_id, content_id, 'staff', created_at, updated_at, coalesce(published_at, 'epoch'),
      left(app.fold(title), 100), deleted_at is null, status, content_type, difficulty_level, language, created_by_id,
      source_id, slug, tags
    from new_rows
    on conflict (organization_id, content_id, audience) do update
    set changed_at = excluded.changed_at, published_at = excluded.published_at, title_key = excluded.title_key,
      live = excluded.live, status = excluded.status, content_type = excluded.content_type,
      difficulty_level = excluded.difficulty_level, language = excluded.language, author_id = excluded.author_id,
      source_id = excluded.source_id, slug = excluded.slug, tags = excluded.tags;
  else
    insert into app.content_listing as l
      (organization_id, content_id, audience, created_at, changed_at, published_at, title_key, live, status, content_type,
       difficulty_level, language, author_id, source_id, slug, tags)
    select organization_id, content_id, 'readers', created_at, updated_at, published_at, left(app.fold(title), 100),
      deleted_at is null, 'published', content_type, difficulty_level, language, created_by_id, source_id, slug, tags
    from new_rows
    on conflict (organization_id, content_id, audience) do update
    set changed_at = excluded.changed_at, published_at = excluded.published_at, title_key = excluded.title_key,
      live = excluded.live, content_type = excluded.content_type, difficulty_level = excluded.difficulty_level,
      language = excluded.language, author_id = excluded.author_id, source_id = excluded.source_id, slug = excluded.slug,
      tags = excluded.tags;
  end if;
  delete from app.content_listing_tag t
  using (select organization_id, content_id, tg_argv[0] as audience, tags from new_rows offset 0) n
  where tg_op = 'UPDATE' and t.organization_id = n.organization_id and t.content_id = n.content_id
    and t.audience = n.audience and t.tag <> all (n.tags);
  insert into app.content_listing_tag (organization_id, audience, tag, content_id)
  select distinct n.organization_id, tg_argv[0], tag, n.content_id
  from new_rows n cross join lateral unnest(n.tags) tag
  on conflict do nothing;
  return null;
end
$$;
comment on function app.list_contents() is
  'Writes app.content_listing and app.content_listing_tag for one statement. Its argument is the audience.';
create trigger listing_insert after insert on app.content referencing new table as new_rows
  for each statement execute function app.list_contents('staff');
create trigger listing_update after update on app.content referencing new table as new_rows
  for each statement execute function app.list_contents('staff');
create trigger listing_insert after insert on app.publication referencing new table as new_rows
  for each statement execute function app.list_contents('readers');
create trigger listing_update after update on app.publication referencing new table as new_rows
  for each statement execute function app.list_contents('readers');
create trigger listing_delete after delete on app.publication referencing old table as old_rows
  for each statement execute function app.list_contents('readers');

-- What there was before follows in a later migration: nobody may wait for all of it to be copied. Only until then the
-- owner, too, is let see the lessons.
create policy backfill on app.content for all to satchel_owner using (true) with check (true);
`,
  },
  {
    name: "0029_tags",
    checksum: "ec56b3417ae00fdd0c15650ae5b6590b878f3de2775193ee817c433f8615b843",
    text: `-- Other names for tags and skills: what everybody in an organization has written is renamed or merged by one job, batch by
-- batch, and only one of a kind is under way, or two could chase each other for ever.

create table app.rename (
  like template.tenant,
  rename_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  requested_by_id uuid default app.actor(),
  -- With which API key, if with one: it has to be good for as long as this is worked off.
  api_key_id uuid,
  subject text not null constraint rename_subject check (subject in ('tags', 'skills')),
  from_words text[] not null constraint rename_from_words_count check (cardinality(from_words) between 1 and 100),
  to_word text not null constraint rename_to_word_length check (char_length(to_word) between 1 and 100),
  state text not null default 'waiting' constraint rename_state check (state in ('waiting', 'running', 'finished', 'failed')),
  failure text constraint rename_failure check (
    failure in ('organization_not_active', 'requester_not_allowed', 'api_key_ended', 'not_worked_off')
  ),
  -- How far it is, written with what was renamed: all is gone through in the order of the ids, and once more from the
  -- beginning until nothing was left to do, for what somebody wrote meanwhile.
  pass integer not null default 1 constraint rename_pass_positive check (pass > 0),
  after_id uuid,
  pass_count integer not null default 0 constraint rename_pass_count_counts check (pass_count >= 0),
  changed_count integer not null default 0 constraint rename_changed_count_counts check (changed_count >= 0),
  finished_at timestamptz,
  constraint rename_pkey primary key (organization_id, rename_id),
  constraint rename_finished_whole check ((state in ('finished', 'failed')) = (finished_at is not null)),
  constraint rename_failed_whole check ((state = 'failed') = (failure is not null)),
  constraint rename_organization_fkey foreign key (organization_id) references app.organization,
  constraint rename_requested_by_fkey foreign key (organization_id, requested_by_id) references app.user
    on delete set null (requested_by_id),
  constraint rename_api_key_fkey foreign key (organization_id, api_key_id) references app.api_key on delete set null (api_key_id)
);
comment on table app.rename is 'A renaming or merging of tags or skills, and how far it is worked off.';
create unique index rename_under_way on app.rename (organization_id, subject) where finished_at is null;
create index rename_requested_by on app.rename (organization_id, requested_by_id);
create index rename_api_key on app.rename (organization_id, api_key_id);
call app.protect('app.rename');
call app.keep_time('app.rename');
call app.tag('app.rename', 'personal, reference', 'requested_by_id');
-- Skills are what people tell of themselves: gone a week after it has ended.
call app.tag('app.rename', 'personal, expires', 'from_words', 'to_word');
call app.tag(
  'app.rename', 'none', 'rename_id', 'api_key_id', 'subject', 'state', 'failure', 'pass', 'after_id', 'pass_count',
  'changed_count', 'finished_at'
);
grant select, insert, update, delete on app.rename to satchel_request;

create function app.rename_words(words text[], from_words text[], to_word text) returns text[]
language sql immutable parallel safe
return case when words && from_words then (
  select array_agg(r.word order by r.place)
  from (
    select m.place, m.meant, case when m.meant then to_word else m.word end as word,
      row_number() over (partition by m.meant order by m.place) as nth
    from (
      select w.word, w.place, w.word = to_word or w.word = any (from_words) as meant
      from unnest(words) with ordinality w (word, place)
    ) m
  ) r
  where not r.meant or r.nth = 1
) else words end;
comment on function app.rename_words(text[], text[], text) is
  'The words with each of the second list called by the third, which is in it once, where the first of them was.';
grant execute on function app.rename_words(text[], text[], text) to satchel_request;

-- A draft may stand beside what readers see, and a word is another one for both. Versions stay as they were written.
grant update (tags, version) on app.publication to satchel_request;
`,
  },
  {
    name: "0031_counters",
    checksum: "ea6b41fceb6c2dde25470ba5377b318b5442619723d1e721cda9c5500a460bb9",
    text: `-- How often a lesson is read, by how many, and who has completed it. Nothing here touches app.content, whose version is
-- what its readers and writers hold in their hands.

-- A row of each person and lesson, not one of each hour and not one sum: whoever reads a lesson touches their own row and
-- no other, so a thousand who open it at once wait for nobody, and the row itself says whether this hour is counted. It
-- grows with people, not with time, and keeps no diary of a pupil: how often, and when last. Measured with PostgreSQL 15 on
-- two cores, 15 writers on one lesson: a sum in one row beside the rows of people 0.8 thousand a second, sums in sixteen
-- slots 4.6, this 6.2 (test/bench/counters.ts compares them anew). The sums are counted at every read: 0.4 ms for a
-- thousand viewers.
create table app.content_view (
  like template.tenant,
  content_id uuid not null,
  user_id uuid not null,
  like template.timestamps including defaults,
  views integer not null default 1 constraint content_view_views_positive check (views > 0),
  -- The last hour that was counted, by its beginning.
  last_hour timestamptz not null constraint content_view_last_hour_whole check (extract(epoch from last_hour) % 3600 = 0),
  constraint content_view_pkey primary key (organization_id, content_id, user_id),
  constraint content_view_content_fkey foreign key (organization_id, content_id) references app.content,
  constraint content_view_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.content_view is 'How often a person has read a lesson: at most once in each hour, and when last.';
create index content_view_user on app.content_view (organization_id, user_id);
create index content_view_last_hour on app.content_view (organization_id, last_hour);
call app.protect('app.content_view');
call app.keep_time('app.content_view');
call app.tag('app.content_view', 'personal, row', 'user_id');
call app.tag('app.content_view', 'personal', 'views', 'last_hour');
call app.tag('app.content_view', 'none', 'content_id');
grant select, insert, delete on app.content_view to satchel_request;
grant update (views, last_hour) on app.content_view to satchel_request;

-- What is left of rows that are gone, because they are old or their person was erased: numbers, of nobody.
create table app.content_tally (
  like template.tenant,
  content_id uuid not null,
  like template.timestamps including defaults,
  views bigint not null constraint content_tally_views_counts check (views >= 0),
  viewers bigint not null constraint content_tally_viewers_counts check (viewers >= 0),
  constraint content_tally_pkey primary key (organization_id, content_id),
  constraint content_tally_content_fkey foreign key (organization_id, content_id) references app.content
);
comment on table app.content_tally is 'How often, and by how many, a lesson was read of whom no row is left.';
call app.protect('app.content_tally');
call app.keep_time('app.content_tally');
call app.tag('app.content_tally', 'none', 'content_id', 'views', 'viewers');
grant select on app.content_tally to satchel_request;
-- The trigger below writes as the owner, whom FORCE binds as well.
create policy owner_all on app.content_tally for all to satchel_owner using (true) with check (true);

-- With the owner's rights, so that no other can make up a number. In the transaction that removes the rows, whoever does:
-- a sum of both tables is the same before and after.
create function app.keep_tally() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app.content_tally as t (organization_id, content_id, views, viewers)
  select organization_id, content_id, sum(views), count(*) from old_rows group by 1, 2 order by 1, 2
  on conflict (organization_id, content_id) do update
    set views = t.views + excluded.views, viewers = t.viewers + excluded.viewers;
  return null;
end
$$;
comment on function app.keep_tally() is 'Adds what the removed rows of app.content_view counted to the tally of their lessons.';
create trigger tally_delete after delete on app.content_view referencing old table as old_rows
  for each statement execute function app.keep_tally();

-- Once per person, until they take it back. It goes with its person, and then counts no longer: how many have completed a
-- lesson is always how many a teacher can be shown.
create table app.completion (
  like template.tenant,
  -- By when it was made: what lists are in the order of.
  completion_id uuid not null default app.uuidv7(),
  content_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null default now(),
  constraint completion_pkey primary key (organization_id, content_id, user_id),
  constraint completion_content_fkey foreign key (organization_id, content_id) references app.content,
  constraint completion_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.completion is 'Who has completed a lesson, and when.';
create index completion_of_content on app.completion (organization_id, content_id, completion_id);
create index completion_of_user on app.completion (organization_id, user_id, completion_id);
call app.protect('app.completion');
call app.tag('app.completion', 'personal, row', 'user_id');
call app.tag('app.completion', 'none', 'completion_id', 'content_id');
grant select, insert, delete on app.completion to satchel_request;
grant update (completion_id) on app.completion to satchel_request;
`,
  },
  {
    name: "0033_backfill_content_lists",
    checksum: "4f2d94d901b21f75a2c883cde64a08e72c13ef9dd1c3b6f4f95c9bae6c469eb8",
    text: `-- The lists of what was there before them. What is written meanwhile is listed by the trigger; nothing is listed twice.
insert into app.content_listing
  (organization_id, content_id, audience, created_at, changed_at, published_at, title_key, live, status, content_type,
   difficulty_level, language, author_id, source_id, slug, tags)
select organization_id, content_id, 'staff', created_at, updated_at, coalesce(published_at, 'epoch'),
  left(app.fold(title), 100), deleted_at is null, status, content_type, difficulty_level, language, created_by_id,
  source_id, slug, tags
from app.content
on conflict do nothing;
insert into app.content_listing
  (organization_id, content_id, audience, created_at, changed_at, published_at, title_key, live, status, content_type,
   difficulty_level, language, author_id, source_id, slug, tags)
select organization_id, content_id, 'readers', created_at, updated_at, published_at, left(app.fold(title), 100),
  deleted_at is null, 'published', content_type, difficulty_level, language, created_by_id, source_id, slug, tags
from app.publication
on conflict do nothing;
insert into app.content_listing_tag (organization_id, audience, tag, content_id)
select distinct l.organization_id, l.audience, tag, l.content_id
from app.content_listing l cross join lateral unnest(l.tags) tag
on conflict do nothing;
drop policy backfill on app.content;
`,
  },
  {
    name: "0034_reviews",
    checksum: "76aa2366a92410aa887f2979efa6465c15229b940a058e830967b31efa76505f",
    text: `-- Who was asked to look at a lesson, and what they said. One request is open at a time, and only while the lesson waits for it.

create table app.review (
  like template.tenant,
  review_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  like template.audit including defaults including constraints,
  like template.soft_delete including constraints,
  content_id uuid not null,
  -- The version that was submitted. While it waits the lesson cannot be changed.
  number integer not null,
  -- Null: whoever may.
  reviewer_id uuid,
  note text constraint review_note_length check (char_length(note) between 1 and 2000),
  state text not null default 'pending'
    constraint review_state check (state in ('pending', 'approved', 'rejected', 'withdrawn')),
  decided_at timestamptz,
  decided_by_id uuid,
  reason text constraint review_reason_length check (char_length(reason) between 1 and 2000),
  constraint review_pkey primary key (organization_id, review_id),
  constraint review_decided check ((state = 'pending') = (decided_at is null)),
  constraint review_rejected_reason check (state <> 'rejected' or reason is not null),
  constraint review_version_fkey foreign key (organization_id, content_id, number) references app.content_version
    on delete cascade,
  constraint review_reviewer_fkey foreign key (organization_id, reviewer_id) references app.user on delete set null (reviewer_id),
  constraint review_decided_by_fkey foreign key (organization_id, decided_by_id) references app.user
    on delete set null (decided_by_id),
  constraint review_created_by_fkey foreign key (organization_id, created_by_id) references app.user
    on delete set null (created_by_id),
  constraint review_updated_by_fkey foreign key (organization_id, updated_by_id) references app.user
    on delete set null (updated_by_id),
  constraint review_deleted_by_fkey foreign key (organization_id, deleted_by_id) references app.user
    on delete set null (deleted_by_id)
);
comment on table app.review is 'Requests to review a lesson, and their answers.';
create unique index review_open_unique on app.review (organization_id, content_id) where state = 'pending';
create index review_pending on app.review (organization_id, review_id) where state = 'pending' and deleted_at is null;
create index review_content on app.review (organization_id, content_id, review_id);
create index review_version on app.review (organization_id, content_id, number);
create index review_reviewer on app.review (organization_id, reviewer_id, review_id) where reviewer_id is not null;
create index review_decided_by on app.review (organization_id, decided_by_id) where decided_by_id is not null;
create index review_created_by on app.review (organization_id, created_by_id) where created_by_id is not null;
create index review_updated_by on app.review (organization_id, updated_by_id) where updated_by_id is not null;
create index review_deleted_by on app.review (organization_id, deleted_by_id) where deleted_by_id is not null;
call app.protect('app.review');
call app.audit('app.review', 'review_id');
-- What staff write to each other about a lesson is of the lesson, as its text is.
call app.tag('app.review', 'none', 'review_id', 'content_id', 'number', 'note', 'state', 'decided_at', 'reason');
call app.tag('app.review', 'personal, reference', 'reviewer_id', 'decided_by_id');
grant select, insert, update on app.review to satchel_request;
call app.follow_deletion_of_content('app.review');

-- A lesson that is published, changed by an import or otherwise taken on while it waits leaves no request behind.
create function app.close_reviews() returns trigger
language plpgsql
-- The plan that is kept must not read all requests, however many rows the statement had, and however few the table, when it
-- was made: what is open is looked up for each row (\`offset 0\`), and closed by its key.
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
declare
  open record;
begin
  for open in
    select n.organization_id, n.status, r.review_id, r.state
    from new_rows n
    cross join lateral (
      select r.review_id, r.state
      from app.review r
      where r.organization_id = n.organization_id and r.content_id = n.content_id and r.state = 'pending'
      offset 0
    ) r
    where n.status <> 'pending_review'
  loop
    update app.review r
    set state = case when open.status in ('approved', 'published') then 'approved' else 'withdrawn' end,
      decided_at = now(), decided_by_id = app.actor()
    where r.organization_id = open.organization_id and r.review_id = open.review_id and r.state = open.state;
  end loop;
  return null;
end
$$;
comment on function app.close_reviews() is 'Closes the open request of a lesson that waits no longer.';
create trigger review_update after update on app.content referencing new table as new_rows
  for each statement execute function app.close_reviews();

-- What is due is found without reading what is not. Nothing is yet: the index is made by one look over the rows, without
-- their texts, which takes a second for a million of them.
-- squawk-ignore require-concurrent-index-creation
create index content_due on app.content (organization_id, least(publish_at, unpublish_at))
  where publish_at is not null or unpublish_at is not null;
`,
  },
  {
    name: "0035_purge",
    checksum: "ca2d13cc9534e427ed95c2ba37b16bcae87587edd077bb2d67a601c81d6a0a81",
    text: `-- Removing a lesson for good, with all that hangs on it and what history has kept of its text.

-- Only a lesson of the entered organization that is deleted already; its caller holds it. At most so many rows at once and the
-- lesson, or one with twenty thousand comments would take longer than a statement may: it is called until it gives 0, which
-- it does once the lesson itself is gone. What refers to something goes before that, answers before what they answer.
create function app.purge_content(lesson uuid, at_most integer) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  organization uuid := app.org();
  part record;
  gone uuid[];
  touched integer;
  total integer := 0;
begin
  if at_most is null or at_most < 1 then
    raise exception 'at least one row must be removed at once' using errcode = 'invalid_parameter_value';
  end if;
  perform from app.content c where c.organization_id = organization and c.content_id = lesson;
  if not found then
    return 0;
  end if;
  perform from app.content c
  where c.organization_id = organization and c.content_id = lesson and c.deleted_at is not null;
  if not found then
    raise exception 'only a deleted lesson is removed for good' using errcode = 'object_not_in_prerequisite_state';
  end if;
  for part in
    select target, above, above_key, history_key, coalesce('order by ' || leaves_first, '') as leaves_first
    from (values
      -- The scores first, or each vote that goes would be taken off them.
      (1, 'comment_score', 'comment', 'comment_id', null, null),
      (2, 'comment_upvote', 'comment', 'comment_id', null, null),
      (3, 'comment_flag', 'comment', 'comment_id', null, null),
      (4, 'comment', null, null, 'comment_id', 't.path desc'),
      (5, 'helpful_vote', 'rating', 'rating_id', null, null),
      (6, 'rating', null, null, 'rating_id', null),
      (7, 'attachment', null, null, 'attachment_id', null),
      (8, 'completion', null, null, null, null),
      -- What is taken off the views is added to the tally.
      (9, 'content_view', null, null, null, null),
      (10, 'content_tally', null, null, null, null),
      (11, 'content_search', null, null, null, null),
      (12, 'publication', null, null, null, null),
      (13, 'publication_period', null, null, null, null),
      (14, 'review', null, null, 'review_id', null),
      (15, 'content_listing_tag', null, null, null, null),
      (16, 'content_listing', null, null, null, null),
      (17, 'content_version', null, null, null, null)
    ) p (place, target, above, above_key, history_key, leaves_first)
    order by place
  loop
    -- Which rows they are is asked before they are gone: history knows them by nothing else.
    if part.history_key is not null then
      execute format(
        'select array_agg(w.id) from (
           select t.%2$I as id from app.%1$I t where t.organization_id = $1 and t.content_id = $2 %3$s limit $3
         ) w', part.target, part.history_key, part.leaves_first)
        into gone using organization, lesson, at_most - total;
      execute format(
        'delete from app.%1$I t where t.organization_id = $1 and t.%2$I = any ($2)', part.target, part.history_key)
        using organization, gone;
      get diagnostics touched = row_count;
      delete from app.history h
      where h.organization_id = organization and h.table_name = part.target and h.row_id = any (gone);
    else
      execute format(
        'delete from app.%1$I where ctid = any (array(
           select t.ctid from app.%1$I t where t.organization_id = $1 and %2$s limit $3
         ))', part.target,
        case when part.above is null then 't.content_id = $2' else format(
          't.%2$I in (select a.%2$I from app.%1$I a where a.organization_id = $1 and a.content_id = $2)',
          part.above, part.above_key) end)
        using organization, lesson, at_most - total;
      get diagnostics touched = row_count;
    end if;
    total := total + touched;
    if total >= at_most then
      return total;
    end if;
  end loop;
  delete from app.content c where c.organization_id = organization and c.content_id = lesson;
  -- That it was written, changed and removed, when and by whom, is still told; the text is not.
  update app.history h set before = null, after = null
  where h.organization_id = organization and h.table_name = 'content' and h.row_id = lesson;
  return total + 1;
end
$$;
comment on function app.purge_content(uuid, integer) is
  'Removes, some rows at a time, a deleted lesson of the entered organization with all that hangs on it; gives how many it took.';
grant execute on function app.purge_content(uuid, integer) to satchel_request;
grant select, delete on app.content, app.content_version, app.publication, app.publication_period, app.review,
  app.content_listing, app.content_listing_tag, app.content_search, app.comment, app.comment_score, app.comment_upvote,
  app.comment_flag, app.rating, app.helpful_vote, app.attachment, app.completion, app.content_view, app.content_tally
  to satchel_eraser;
-- For the triggers that count votes.
grant update (upvotes) on app.comment_score to satchel_eraser;
grant update (helpful_count) on app.rating to satchel_eraser;
grant create on schema app to satchel_eraser;
alter function app.purge_content(uuid, integer) owner to satchel_eraser;
revoke create on schema app from satchel_eraser;
`,
  },
];
