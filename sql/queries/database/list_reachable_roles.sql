-- The roles this connection is or may become, and what they could do that no role of ours may.
-- returns: many
-- scope: system
-- not null: role_name, may_create, is_login
select
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
order by r.rolname
