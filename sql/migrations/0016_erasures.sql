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

-- What the tags say of each table that knows people.
create function app.personal_tables() returns table (
  target regclass, table_name text, key_columns text[], person_columns text[], reference_columns text[],
  secret_columns text[], erased_columns text[], changed_columns text[], changed_values text[], label_column text,
  deletes boolean, has_history boolean
)
language sql stable
begin atomic
  select t.target, t.table_name,
    array(
      select k.attname::text from pg_catalog.pg_index x
      join pg_catalog.pg_attribute k on k.attrelid = x.indrelid and k.attnum = any (x.indkey)
      where x.indrelid = t.target and x.indisprimary and k.attname <> 'organization_id' order by k.attnum
    ),
    t.person_columns, t.reference_columns, t.secret_columns, t.erased_columns, t.changed_columns, t.changed_values,
    t.label_column, t.deletes,
    exists (
      select from pg_catalog.pg_trigger h join pg_catalog.pg_proc p on p.oid = h.tgfoid
      where h.tgrelid = t.target and p.proname = 'keep_history'
    )
  from (
    select c.oid::regclass as target, c.relname::text as table_name,
      coalesce(array_agg(a.name order by a.attnum) filter (where a.tag in ('personal, row', 'personal, person')), '{}')
        as person_columns,
      coalesce(array_agg(a.name order by a.attnum) filter (where a.tag = 'personal, reference'), '{}') as reference_columns,
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
      select attrelid, attnum, attname::text as name, pg_catalog.col_description(attrelid, attnum) as tag
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
  is_theirs text;
  assignments text;
  differs text;
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
  for part in select * from app.personal_tables() where cardinality(person_columns) > 0 order by deletes desc, table_name loop
    select string_agg(format('t.%I = $2', c), ' or ') into is_theirs from unnest(part.person_columns) c;
    if part.deletes then
      execute format(
        'delete from %s where ctid = any (array(
           select t.ctid from %1$s t where t.organization_id = $1 and (%s) limit $3
         ))', part.target, is_theirs)
        using organization, person, at_most;
      get diagnostics touched = row_count;
      total := total + touched;
    elsif cardinality(part.changed_columns) > 0 then
      select string_agg(format('%I = %s', c, replacement), ', '),
        string_agg(format('t.%I is distinct from (%s)', c, replacement), ' or ')
      into assignments, differs
      from unnest(part.changed_columns, part.changed_values) as u (c, v)
      cross join lateral (select regexp_replace(v, '^becomes ', '') as replacement) r;
      execute format(
        'update %s set %s where ctid = any (array(
           select t.ctid from %1$s t where t.organization_id = $1 and (%s) and (%s) limit $3
         ))', part.target, assignments, is_theirs, differs)
        using organization, person, at_most;
      get diagnostics touched = row_count;
      total := total + touched;
    end if;
  end loop;
  -- After all else, which leaves its own history. Which rows were theirs, the history itself says.
  for part in select * from app.personal_tables() where cardinality(person_columns) > 0 and has_history loop
    if part.key_columns <@ part.person_columns then
      -- The row is the person's by its key.
      is_theirs := 'h.row_id = $2';
    else
      select string_agg(format('(h.before ->> %L = $2::text or h.after ->> %1$L = $2::text)', c), ' or ')
      into is_theirs from unnest(part.person_columns) c;
      is_theirs := format(
        'h.row_id in (select h.row_id from app.history h where h.organization_id = $1 and h.table_name = $4 and (%s))',
        is_theirs);
    end if;
    execute format(
      'update app.history set before = before - $5, after = after - $5 where ctid = any (array(
         select h.ctid from app.history h
         where h.organization_id = $1 and h.table_name = $4 and %s and (h.before ?| $5 or h.after ?| $5) limit $3
       ))', is_theirs)
      using organization, person, at_most, part.table_name, part.erased_columns;
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

-- What somebody did is found by who they are. Imports and jobs, which are nobody, stay out of it.
create index history_actor on app.history (organization_id, actor_id, history_id) where actor_id is not null;

-- With the caller's rights, so that row-level security decides what there is. Three kinds of part: `about` are the rows
-- about the person, `changes` what those rows were before, `made` the rows of others in which the person is named as who
-- made or changed them. Credentials, hashes and the ids of other people are left out.
create function app.person_records(person uuid, at_most integer)
  returns table (kind text, table_name text, total integer, records json)
language plpgsql stable
as $$
declare
  part record;
  is_theirs text;
begin
  for part in select * from app.personal_tables() loop
    table_name := part.table_name;
    is_theirs := 'false';
    if cardinality(part.person_columns) > 0 then
      select string_agg(format('t.%I = $1', c), ' or ') into is_theirs from unnest(part.person_columns) c;
      kind := 'about';
      execute format(
        'select count(*)::int, coalesce(json_agg(
             (select coalesce(jsonb_object_agg(e.key, e.value), ''{}'') from jsonb_each(f.doc) e
              where e.key <> all ($3) or e.value = to_jsonb($1))
             order by f.n) filter (where f.n <= $2), ''[]'')
         from (
           select row_number() over (order by t.created_at desc) as n, to_jsonb(t) - $4 as doc
           from %s t where t.organization_id = app.org() and (%s)
         ) f', part.target, is_theirs)
        into total, records
        using person, at_most, part.reference_columns, part.secret_columns || 'organization_id'::text;
      return next;
    end if;
    if cardinality(part.person_columns) > 0 and part.has_history then
      kind := 'changes';
      execute format(
        'select count(*)::int, coalesce(json_agg(json_build_object(
             ''rowId'', f.row_id, ''action'', f.action, ''createdAt'', f.created_at,
             ''actorId'', nullif(f.actor_id, nullif(f.actor_id, $1)),
             ''before'', f.before - $4, ''after'', f.after - $4
           ) order by f.n) filter (where f.n <= $2), ''[]'')
         from (
           select row_number() over (order by h.history_id desc) as n, h.* from app.history h
           where h.organization_id = app.org() and h.table_name = $3 and %s
         ) f',
        case when part.key_columns <@ part.person_columns then 'h.row_id = $1' else (
          select format(
            'h.row_id in (select o.row_id from app.history o
               where o.organization_id = app.org() and o.table_name = $3 and (%s))',
            string_agg(format('o.before ->> %L = $1::text or o.after ->> %1$L = $1::text', c), ' or '))
          from unnest(part.person_columns) c
        ) end)
        into total, records
        using person, at_most, part.table_name, part.secret_columns || part.reference_columns || 'organization_id'::text;
      return next;
    end if;
    if cardinality(part.reference_columns) > 0 then
      kind := 'made';
      execute format(
        'select count(*)::int, coalesce(json_agg(f.doc order by f.n) filter (where f.n <= $2), ''[]'')
         from (
           select row_number() over (order by t.created_at desc) as n,
             jsonb_build_object(''created_at'', t.created_at, ''as'', array_remove(array[%s], null)%s) as doc
           from %s t where t.organization_id = app.org() and (%s) and not (%s)
         ) f',
        (select string_agg(format('case when t.%I = $1 then %1$L end', c), ', ') from unnest(part.reference_columns) c),
        (select string_agg(format(', %L, t.%1$I', c), '') from unnest(part.key_columns || part.label_column) c where c is not null),
        part.target,
        (select string_agg(format('t.%I = $1', c), ' or ') from unnest(part.reference_columns) c),
        is_theirs)
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
