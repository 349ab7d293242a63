-- Erasing a person, and giving them all that is kept about them. What is personal is read from the tags of the columns
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

-- What the tags say of each table that knows people. `is_theirs` and `is_named` are conditions on a row `t` and a person
-- `$1`: that it is about them, and that it names them as who did something; null where there is no such column.
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

-- With the caller's rights, so that row-level security decides what there is. Three kinds of part: `about` are the rows
-- about the person, `changes` what those rows were before, `made` the rows of others in which the person is named as who
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
