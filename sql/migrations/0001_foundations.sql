-- The parts every table is made of, each defined once, because a rule pasted into every table is soon broken in one.

-- Column groups: a table takes them over with `like template.… including defaults including constraints`.
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
--   personal, row           the person whose row this is: erasing deletes the row, and with it its `personal` columns
--   personal, person        the person whom the row is about; the row stays, each of its personal columns says how
--   personal, reference     a person who did something; stays, and leads to whom nothing more is known of
--   personal, null          set to null
--   personal, becomes …     set to this SQL expression
--   personal, kept          stays: says nothing once nobody knows whom it was about
--   personal, expires       of nobody in particular, unreadable or soon removed by itself
-- `secret` after `personal` (personal, secret or personal, secret, null): never leaves in an export either. `label` after
-- `none`: what a row is called where an export lists what somebody has made.
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

-- `derived`: columns that are made of others; history would tell the same twice.
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
