/**
 * The golden schema: everything the migrations made, printed from the catalog in one order, the same on every
 * PostgreSQL from 15 on. It reads as SQL, but it is there to be compared, not to be run.
 */
import type { ISql } from "postgres";

/** A connection, or a transaction. */
type Sql = ISql;

// Objects of ours: in a schema that is neither PostgreSQL's nor the job queue's, and of no extension.
const ours = (sql: Sql, catalog: string, oid: string, namespace: string) => sql`
  ${sql(namespace)} in (select n.oid from pg_namespace n
                         where n.nspname !~ '^(pg_|information_schema$|pgboss)')
  and not exists (select from pg_depend e
                   where e.classid = ${catalog}::regclass and e.objid = ${sql(oid)} and e.deptype = 'e')`;

/** Prints the schema of the database that `sql` is connected to. */
export async function printSchema(sql: Sql): Promise<string> {
  const sections = [
    await roles(sql),
    await schemas(sql),
    await types(sql),
    await sequences(sql),
    await tables(sql),
    await views(sql),
    await functions(sql),
    await defaultPrivileges(sql),
  ];
  const head = "-- Written by `bun run sql` from the catalog of a migrated database. Do not edit.\n";
  return `${[head, ...sections.flat()].map((block) => block.trimEnd()).join("\n\n")}\n`;
}

interface Grant {
  readonly grantee: string;
  readonly privilege: string;
  readonly grantable: boolean;
  readonly column?: string | null;
}

/** `grant … on … to …` lines, one for each grantee; the owner's own rights are left out. */
function grantLines(on: string, grants: readonly Grant[]): string[] {
  const byGrantee = Map.groupBy(
    grants,
    (grant) => `${grant.grantee}${grant.grantable ? " with grant option" : ""}`,
  );
  return [...byGrantee].map(([grantee, rows]) => {
    const byPrivilege = Map.groupBy(rows, (row) => row.privilege.toLowerCase());
    const privileges = [...byPrivilege].map(([privilege, each]) => {
      const columns = each.map((row) => row.column ?? null);
      return columns.includes(null) ? privilege : `${privilege} (${columns.join(", ")})`;
    });
    return `grant ${privileges.join(", ")} on ${on} to ${grantee};`;
  });
}

function comment(on: string, text: string | null): string[] {
  return text === null ? [] : [`comment on ${on} is '${text.replaceAll("'", "''")}';`];
}

// Rights in an access list, without the owner's own and without MAINTAIN, which only PostgreSQL 17 knows.
const grantsOf = (sql: Sql, acl: string, kind: string, owner: string) => sql`
  coalesce((
    select json_agg(g order by g.grantee, g.privilege)
      from (select coalesce(r.rolname, 'public') as grantee, x.privilege_type as privilege,
                   x.is_grantable as grantable
              from aclexplode(coalesce(${sql(acl)}, acldefault(${kind}, ${sql(owner)}))) x
              left join pg_roles r on r.oid = x.grantee
             where x.grantee <> ${sql(owner)} and x.privilege_type <> 'MAINTAIN') g), '[]'::json)`;

async function roles(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string; attributes: string; members: string[]; settings: string[] }[]>`
    select r.rolname as name,
           concat_ws(' ', case when r.rolcanlogin then 'login' else 'nologin' end,
                     case when r.rolinherit then 'inherit' else 'noinherit' end,
                     case when r.rolsuper then 'superuser' end, case when r.rolbypassrls then 'bypassrls' end,
                     case when r.rolcreaterole then 'createrole' end, case when r.rolcreatedb then 'createdb' end,
                     case when r.rolreplication then 'replication' end,
                     case when r.rolconnlimit <> -1 then 'connection limit ' || r.rolconnlimit end) as attributes,
           array(select 'grant ' || r.rolname || ' to ' || u.rolname
                        || case when bool_or(m.admin_option) then ' with admin option' else '' end
                   from pg_auth_members m
                   join pg_roles u on u.oid = m.member
                  where m.roleid = r.oid
                  group by u.rolname
                  order by u.rolname) as members,
           array(select 'alter role ' || r.rolname || ' set ' || c
                   from pg_db_role_setting s, unnest(s.setconfig) c
                  where s.setrole = r.oid
                    and s.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))
                  order by 1) as settings
      from pg_roles r
     where r.rolname like 'satchel%'
     order by r.rolname`;
  const [database] = await sql<{ grants: Grant[] }[]>`
    select ${grantsOf(sql, "d.datacl", "d", "d.datdba")} as grants
      from pg_database d
     where d.datname = current_database()`;
  return [
    ...rows.map((role) =>
      [
        `create role ${role.name} ${role.attributes};`,
        ...[...role.members, ...role.settings].map((line) => `${line};`),
      ].join("\n"),
    ),
    grantLines("database (this one)", database?.grants ?? []).join("\n"),
  ].filter((block) => block !== "");
}

async function schemas(sql: Sql): Promise<string[]> {
  const extensions = await sql<{ line: string }[]>`
    select 'create extension ' || e.extname || ' schema ' || n.nspname || ';' as line
      from pg_extension e
      join pg_namespace n on n.oid = e.extnamespace
     where e.extname <> 'plpgsql'
     order by e.extname`;
  const rows = await sql<{ name: string; owner: string; comment: string | null; grants: Grant[] }[]>`
    select n.nspname as name, o.rolname as owner,
           case when n.nspname <> 'public' then obj_description(n.oid, 'pg_namespace') end as comment,
           ${grantsOf(sql, "n.nspacl", "n", "n.nspowner")} as grants
      from pg_namespace n
      join pg_roles o on o.oid = n.nspowner
     where n.nspname !~ '^(pg_|information_schema$|pgboss)'
     order by n.nspname`;
  return [
    ...rows.map((row) =>
      [
        `create schema ${row.name} authorization ${row.owner};`,
        ...comment(`schema ${row.name}`, row.comment),
        ...grantLines(`schema ${row.name}`, row.grants),
      ].join("\n"),
    ),
    extensions.map((row) => row.line).join("\n"),
  ].filter((block) => block !== "");
}

async function types(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string; definition: string; comment: string | null }[]>`
    select format('%I.%I', n.nspname, t.typname) as name, obj_description(t.oid, 'pg_type') as comment,
           case t.typtype
             when 'e' then 'enum (' || (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder)
                                          from pg_enum e where e.enumtypid = t.oid) || ')'
             when 'c' then '(' || (select string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)),
                                                     ', ' order by a.attnum)
                                     from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0) || ')'
             when 'r' then 'range (subtype = ' || (select format_type(r.rngsubtype, null)
                                                     from pg_range r where r.rngtypid = t.oid) || ')'
             else format_type(t.typbasetype, t.typtypmod) || case when t.typnotnull then ' not null' else '' end
                  || coalesce(' default ' || t.typdefault, '')
                  || coalesce((select string_agg(format(' constraint %I %s', c.conname, pg_get_constraintdef(c.oid)), ''
                                                 order by c.conname)
                                 from pg_constraint c where c.contypid = t.oid and c.contype = 'c'), '')
           end as definition
      from pg_type t
      join pg_namespace n on n.oid = t.typnamespace
      left join pg_class c on c.oid = t.typrelid
     where ${ours(sql, "pg_type", "t.oid", "t.typnamespace")}
       and (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind = 'c'))
     order by n.nspname, t.typname`;
  return rows.map((row) =>
    [`create type ${row.name} as ${row.definition};`, ...comment(`type ${row.name}`, row.comment)].join("\n"),
  );
}

async function sequences(sql: Sql): Promise<string[]> {
  const rows = await sql<
    { name: string; type: string; owned: string | null; owner: string; grants: Grant[] }[]
  >`
    select format('%I.%I', n.nspname, c.relname) as name, format_type(s.seqtypid, null) as type,
           o.rolname as owner, ${grantsOf(sql, "c.relacl", "s", "c.relowner")} as grants,
           (select format('%s.%I', d.refobjid::regclass, a.attname)
              from pg_depend d
              join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
             where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')) as owned
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      join pg_sequence s on s.seqrelid = c.oid
      join pg_roles o on o.oid = c.relowner
     where ${ours(sql, "pg_class", "c.oid", "c.relnamespace")}
     order by n.nspname, c.relname`;
  return rows.map((row) =>
    [
      `create sequence ${row.name} as ${row.type}${row.owned === null ? "" : ` owned by ${row.owned}`};`,
      `alter sequence ${row.name} owner to ${row.owner};`,
      ...grantLines(`sequence ${row.name}`, row.grants),
    ].join("\n"),
  );
}

interface Relation {
  readonly name: string;
  readonly owner: string;
  readonly head: string;
  readonly tail: string;
  readonly comment: string | null;
  readonly columns: readonly { name: string; definition: string; comment: string | null }[];
  readonly constraints: readonly string[];
  readonly after: readonly string[];
  readonly policies: readonly string[];
  readonly grants: readonly Grant[];
  readonly columnGrants: readonly Grant[];
}

async function tables(sql: Sql): Promise<string[]> {
  const rows = await sql<Relation[]>`
    select format('%I.%I', n.nspname, c.relname) as name, o.rolname as owner,
           obj_description(c.oid, 'pg_class') as comment,
           concat_ws(' ', 'create', case when c.relpersistence = 'u' then 'unlogged' end,
                     case when c.relkind = 'f' then 'foreign' end, 'table') as head,
           concat_ws(' ',
             (select 'inherits ' || string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno)
                from pg_inherits i where i.inhrelid = c.oid),
             pg_get_expr(c.relpartbound, c.oid), 'partition by ' || pg_get_partkeydef(c.oid),
             'with (' || array_to_string(c.reloptions, ', ') || ')') as tail,
           array(select json_build_object('name', quote_ident(a.attname), 'comment', col_description(c.oid, a.attnum),
                        'definition', concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                          case when a.attcollation <> t.typcollation then 'collate ' || a.attcollation::regcollation end,
                          case when a.attnotnull then 'not null' end,
                          case when a.attidentity = 'a' then 'generated always as identity'
                               when a.attidentity = 'd' then 'generated by default as identity'
                               when a.attgenerated <> '' then 'generated always as (' || pg_get_expr(d.adbin, c.oid)
                                    || case a.attgenerated when 's' then ') stored' else ') virtual' end
                               else 'default ' || pg_get_expr(d.adbin, c.oid) end))
                   from pg_attribute a
                   join pg_type t on t.oid = a.atttypid
                   left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
                  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                  order by a.attnum) as columns,
           -- PostgreSQL 18 keeps not-null constraints here too (n); the columns say them already.
           array(select format('constraint %I %s', k.conname, pg_get_constraintdef(k.oid))
                   from pg_constraint k
                  where k.conrelid = c.oid and k.contype in ('p', 'u', 'c', 'x', 'f')
                  order by array_position(array['p', 'u', 'x', 'c', 'f'], k.contype::text), k.conname) as constraints,
           array(select pg_get_indexdef(i.indexrelid)
                   from pg_index i
                   join pg_class x on x.oid = i.indexrelid
                  where i.indrelid = c.oid
                    and not exists (select from pg_constraint k where k.conindid = i.indexrelid
                                       and k.contype in ('p', 'u', 'x'))
                  order by x.relname)
           || array(select pg_get_statisticsobjdef(s.oid) from pg_statistic_ext s
                     where s.stxrelid = c.oid order by s.stxname)
           || array(select pg_get_triggerdef(g.oid) || case g.tgenabled when 'O' then '' else format(' -- enabled: %s', g.tgenabled) end
                      from pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal order by g.tgname)
           || array(select pg_get_ruledef(r.oid) from pg_rewrite r where r.ev_class = c.oid order by r.rulename)
           as after,
           array_remove(array[
             case when c.relrowsecurity then format('alter table %s enable row level security', c.oid::regclass) end,
             case when c.relforcerowsecurity then format('alter table %s force row level security', c.oid::regclass) end
           ], null)
           || array(select concat_ws(E'\n  ',
                           format('create policy %I on %s as %s for %s to %s', p.polname, c.oid::regclass,
                             case when p.polpermissive then 'permissive' else 'restrictive' end,
                             case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
                                           when 'd' then 'delete' else 'all' end,
                             coalesce((select string_agg(r.rolname, ', ' order by r.rolname)
                                         from pg_roles r where r.oid = any(p.polroles)), 'public')),
                           'using (' || pg_get_expr(p.polqual, c.oid) || ')',
                           'with check (' || pg_get_expr(p.polwithcheck, c.oid) || ')')
                      from pg_policy p where p.polrelid = c.oid order by p.polname) as policies,
           ${grantsOf(sql, "c.relacl", "r", "c.relowner")} as grants,
           coalesce((select json_agg(g order by g.grantee, g.privilege, g.position)
                       from (select coalesce(r.rolname, 'public') as grantee, x.privilege_type as privilege,
                                    x.is_grantable as grantable, quote_ident(a.attname) as column, a.attnum as position
                               from pg_attribute a, aclexplode(a.attacl) x
                               left join pg_roles r on r.oid = x.grantee
                              where a.attrelid = c.oid and a.attacl is not null) g), '[]'::json) as "columnGrants"
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      join pg_roles o on o.oid = c.relowner
     where c.relkind in ('r', 'p', 'f') and ${ours(sql, "pg_class", "c.oid", "c.relnamespace")}
     order by n.nspname, c.relname`;
  return rows.map((row) => {
    const inside = [...row.columns.map((column) => column.definition), ...row.constraints];
    return [
      `${row.head} ${row.name} (\n${inside.map((line) => `  ${line}`).join(",\n")}\n)${row.tail === "" ? "" : ` ${row.tail}`};`,
      `alter table ${row.name} owner to ${row.owner};`,
      ...comment(`table ${row.name}`, row.comment),
      ...row.columns.flatMap((column) => comment(`column ${row.name}.${column.name}`, column.comment)),
      ...[...row.after, ...row.policies].map((line) => `${line};`),
      ...grantLines(row.name, [...row.grants, ...row.columnGrants]),
    ].join("\n");
  });
}

async function views(sql: Sql): Promise<string[]> {
  const rows = await sql<
    {
      name: string;
      kind: string;
      owner: string;
      options: string;
      definition: string;
      comment: string | null;
      grants: Grant[];
    }[]
  >`
    select format('%I.%I', n.nspname, c.relname) as name, o.rolname as owner,
           case c.relkind when 'm' then 'materialized view' else 'view' end as kind,
           coalesce(' with (' || array_to_string(c.reloptions, ', ') || ')', '') as options,
           pg_get_viewdef(c.oid, true) as definition, obj_description(c.oid, 'pg_class') as comment,
           ${grantsOf(sql, "c.relacl", "r", "c.relowner")} as grants
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      join pg_roles o on o.oid = c.relowner
     where c.relkind in ('v', 'm') and ${ours(sql, "pg_class", "c.oid", "c.relnamespace")}
     order by n.nspname, c.relname`;
  return rows.map((row) =>
    [
      // PostgreSQL 15 writes `t.id` where later ones write `id`, so the qualifiers go.
      `create ${row.kind} ${row.name}${row.options} as\n${row.definition.replace(/\b[a-z_]\w*\.(?=[a-z_"*])/g, "")}`,
      `alter ${row.kind} ${row.name} owner to ${row.owner};`,
      ...comment(`${row.kind} ${row.name}`, row.comment),
      ...grantLines(row.name, row.grants),
    ].join("\n"),
  );
}

async function functions(sql: Sql): Promise<string[]> {
  const rows = await sql<
    {
      name: string;
      kind: string;
      owner: string;
      definition: string;
      comment: string | null;
      grants: Grant[];
    }[]
  >`
    select case p.prokind when 'p' then 'procedure' else 'function' end as kind,
           format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as name,
           o.rolname as owner, obj_description(p.oid, 'pg_proc') as comment,
           case when p.prokind = 'a' then 'aggregate' else pg_get_functiondef(p.oid) end as definition,
           ${grantsOf(sql, "p.proacl", "f", "p.proowner")} as grants
      from pg_proc p
      join pg_namespace n on n.oid = p.pronamespace
      join pg_roles o on o.oid = p.proowner
     where ${ours(sql, "pg_proc", "p.oid", "p.pronamespace")}
     order by n.nspname, p.proname, 1`;
  return rows.map((row) =>
    [
      row.definition === "aggregate" ? `create aggregate ${row.name};` : `${row.definition.trimEnd()};`,
      `alter ${row.kind} ${row.name} owner to ${row.owner};`,
      ...comment(`${row.kind} ${row.name}`, row.comment),
      ...grantLines(`${row.kind} ${row.name}`, row.grants),
    ].join("\n"),
  );
}

async function defaultPrivileges(sql: Sql): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    select format('alter default privileges for role %I%s grant %s on %s to %s;', o.rolname,
                  coalesce(' in schema ' || n.nspname, ''),
                  lower(string_agg(x.privilege_type, ', ' order by x.privilege_type)),
                  case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
                                       when 'T' then 'types' else 'schemas' end,
                  coalesce(r.rolname, 'public')) as line
      from pg_default_acl d
      join pg_roles o on o.oid = d.defaclrole
      left join pg_namespace n on n.oid = d.defaclnamespace
      cross join aclexplode(d.defaclacl) x
      left join pg_roles r on r.oid = x.grantee
     where x.privilege_type <> 'MAINTAIN' and x.grantee <> d.defaclrole and n.nspname is distinct from 'pgboss'
     group by o.rolname, n.nspname, d.defaclobjtype, r.rolname
     order by 1`;
  return rows.length === 0 ? [] : [rows.map((row) => row.line).join("\n")];
}
