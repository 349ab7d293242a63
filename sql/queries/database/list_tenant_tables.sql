-- Every table that holds rows of organizations, and how row-level security stands on it.
-- returns: many
-- scope: system
select
  c.relname::text as table_name,
  c.relrowsecurity as row_security,
  c.relforcerowsecurity as forced,
  -- The one restrictive policy, word for word: any other condition would be another promise.
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
  -- Without it erasing a person would find nothing here, and say that nothing is left.
  exists (
    select from pg_catalog.pg_policy p
    where p.polrelid = c.oid and p.polname = 'erase' and p.polpermissive and p.polcmd = '*'
      and p.polroles = array[(select oid from pg_catalog.pg_roles where rolname = 'satchel_eraser')]
  ) as erasable,
  -- The restrictive policy confines the request role alone: what another role is let see here, it sees of everybody.
  coalesce((
    select string_agg(p.polname::text, ', ' order by p.polname) from pg_catalog.pg_policy p
    where p.polrelid = c.oid
      and p.polroles <> array[(select oid from pg_catalog.pg_roles where rolname = 'satchel_request')]
      -- Erasing, and writing the audit, are confined to one organization as requests are.
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
  -- Who else was given something here: a role that is none of ours stands outside every policy above.
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
order by c.relname
