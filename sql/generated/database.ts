// Written by `bun run sql`. Do not edit.
import { type Statement, type SystemTx, many, one } from "../tx.ts";

export interface GetServerRow {
  readonly version: string;
  readonly versionNumber: number;
  readonly now: Date;
  readonly fsync: boolean;
  readonly encoding: string;
  readonly databaseBytes: number;
}

const getServerStatement: Statement = {
  name: "database/get_server",
  text: `select /* database/get_server */
  current_setting('server_version') as version,
  current_setting('server_version_num')::int as version_number,
  clock_timestamp() as now,
  current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on'
    and current_setting('synchronous_commit') <> 'off' as fsync,
  current_setting('server_encoding') as encoding,
  pg_catalog.pg_database_size(current_database()) as database_bytes`,
};

/** The server behind this connection, and its clock. */
export function getServer(tx: SystemTx): Promise<GetServerRow> {
  return one<GetServerRow>(tx, getServerStatement, []);
}

export interface ListMigrationsRow {
  readonly name: string;
  readonly checksum: string;
}

const listMigrationsStatement: Statement = {
  name: "database/list_migrations",
  text: `select /* database/list_migrations */ name, checksum from app.migration order by name`,
};

/** Migrations that were applied here. */
export function listMigrations(tx: SystemTx): Promise<readonly ListMigrationsRow[]> {
  return many<ListMigrationsRow>(tx, listMigrationsStatement, []);
}

export interface ListReachableRolesRow {
  readonly roleName: string;
  readonly isLogin: boolean;
  readonly isSuperuser: boolean | null;
  readonly mayBypassRowSecurity: boolean | null;
  readonly mayCreateRoles: boolean | null;
  readonly ownsTables: boolean;
  readonly mayCreate: boolean;
  readonly mayTruncate: boolean;
}

const listReachableRolesStatement: Statement = {
  name: "database/list_reachable_roles",
  text: `select /* database/list_reachable_roles */
  r.rolname::text as role_name,
  r.rolname = session_user as is_login,
  r.rolsuper as is_superuser,
  r.rolbypassrls as may_bypass_row_security,
  r.rolcreaterole as may_create_roles,
  exists (
    select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'app' and c.relowner = r.oid
  ) as owns_tables,
  pg_catalog.has_schema_privilege(r.oid, 'app', 'create') as may_create,
  exists (
    select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'app' and c.relkind = 'r'
      and pg_catalog.has_table_privilege(r.oid, c.oid, 'truncate, references, trigger')
  ) as may_truncate
from pg_catalog.pg_roles r
where pg_catalog.pg_has_role(session_user, r.oid, 'member')
order by r.rolname`,
};

/** The roles this connection is or may become, and what they could do that no role of ours may. */
export function listReachableRoles(tx: SystemTx): Promise<readonly ListReachableRolesRow[]> {
  return many<ListReachableRolesRow>(tx, listReachableRolesStatement, []);
}

export interface ListTenantTablesRow {
  readonly tableName: string | null;
  readonly rowSecurity: boolean;
  readonly forced: boolean;
  readonly ownOrganization: boolean;
  readonly permissiveCommands: string;
  readonly erasable: boolean;
  readonly foreignPolicies: string;
  readonly foreignGrantees: string;
}

const listTenantTablesStatement: Statement = {
  name: "database/list_tenant_tables",
  text: `select /* database/list_tenant_tables */
  c.relname::text as table_name,
  c.relrowsecurity as row_security,
  c.relforcerowsecurity as forced,
  exists (
    select from pg_catalog.pg_policy p
    where p.polrelid = c.oid and not p.polpermissive and p.polcmd = '*'
      and p.polroles = array[(select oid from pg_catalog.pg_roles where rolname = 'satchel_request')]
      and pg_catalog.pg_get_expr(p.polqual, p.polrelid) = '(organization_id = ( SELECT app.org() AS org))'
      and pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) = '(organization_id = ( SELECT app.org() AS org))'
  ) as own_organization,
  coalesce((
    select string_agg(distinct p.polcmd::text, '' order by p.polcmd::text) from pg_catalog.pg_policy p
    where p.polrelid = c.oid and p.polpermissive
      and (select oid from pg_catalog.pg_roles where rolname = 'satchel_request') = any(p.polroles)
  ), '') as permissive_commands,
  exists (
    select from pg_catalog.pg_policy p
    where p.polrelid = c.oid and p.polname = 'erase' and p.polpermissive and p.polcmd = '*'
      and p.polroles = array[(select oid from pg_catalog.pg_roles where rolname = 'satchel_eraser')]
  ) as erasable,
  coalesce((
    select string_agg(p.polname::text, ', ' order by p.polname) from pg_catalog.pg_policy p
    where p.polrelid = c.oid
      and p.polroles <> array[(select oid from pg_catalog.pg_roles where rolname = 'satchel_request')]
      and not (
        (p.polname, p.polroles) in (
          ('erase', array[(select oid from pg_catalog.pg_roles where rolname = 'satchel_eraser')]),
          ('chain', array[c.relowner])
        )
        and pg_catalog.pg_get_expr(p.polqual, p.polrelid) = '(organization_id = ( SELECT app.org() AS org))'
        and pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) = '(organization_id = ( SELECT app.org() AS org))'
      )
      and (c.relname, p.polname) not in
        (('organization', 'system_select'), ('content_listing', 'owner_all'), ('content_listing_tag', 'owner_all'),
         ('content_search', 'search_select'), ('content_tally', 'owner_all'), ('user', 'search_select'),
         ('content_version', 'owner_all'), ('file', 'owner_all'), ('history', 'owner_insert'), ('publication', 'owner_all'),
         ('publication_period', 'owner_all'), ('quota', 'owner_select'), ('quota', 'system_select'), ('usage', 'owner_all'),
         ('usage', 'system_select'))
  ), '') as foreign_policies,
  coalesce((
    select string_agg(distinct coalesce(g.rolname, 'public')::text, ', ' order by coalesce(g.rolname, 'public')::text)
    from pg_catalog.aclexplode(c.relacl) a
    left join pg_catalog.pg_roles g on g.oid = a.grantee
    where a.grantee <> c.relowner and coalesce(g.rolname, 'public') not in ('satchel_request', 'satchel_eraser')
  ), '') as foreign_grantees
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'organization_id' and not a.attisdropped
where n.nspname = 'app' and c.relkind in ('r', 'p')
order by c.relname`,
};

/** Every table that holds rows of organizations, and how row-level security stands on it. */
export function listTenantTables(tx: SystemTx): Promise<readonly ListTenantTablesRow[]> {
  return many<ListTenantTablesRow>(tx, listTenantTablesStatement, []);
}
