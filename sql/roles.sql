-- What must exist in the cluster and the database before the first migration. Safe to run again.
-- Roles belong to the cluster and not to the database: another database may have made them already, even right now.

do $$
declare
  wanted text;
begin
  foreach wanted in array array['satchel_owner', 'satchel_request', 'satchel_system', 'satchel_search', 'satchel_eraser'] loop
    begin
      if not exists (select from pg_roles where rolname = wanted) then
        execute format(
          'create role %I %s noinherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls',
          wanted, case wanted when 'satchel_request' then 'login' else 'nologin' end);
        if wanted = 'satchel_request' then
          -- Every statement of ours takes milliseconds; one whose cost the planner overestimates (in a new database, say)
          -- would be compiled for longer than it runs.
          alter role satchel_request set jit = off;
        end if;
      end if;
    exception when duplicate_object or unique_violation then
      null;
    end;
  end loop;

  -- The request role may step into the housekeeping role, but never holds its rights by merely being connected.
  begin
    if not pg_has_role('satchel_request', 'satchel_system', 'member') then
      grant satchel_system to satchel_request;
    end if;
    if not pg_has_role('satchel_owner', 'satchel_search', 'member') then
      grant satchel_search to satchel_owner;
    end if;
    if not pg_has_role('satchel_owner', 'satchel_eraser', 'member') then
      grant satchel_eraser to satchel_owner;
    end if;
    -- Who migrates acts as the owner. A superuser may do so anyway. From PostgreSQL 16 on who makes a role is a member
    -- of it that may grant it, but not yet one that may become it.
    if not pg_has_role(
      current_user, 'satchel_owner', case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end
    ) then
      execute format('grant satchel_owner to %I', current_user);
    end if;
  exception when unique_violation or duplicate_object then
    null;
  end;
end
$$;

do $$
begin
  if not exists (select from pg_namespace where nspname = 'app') then
    create schema app authorization satchel_owner;
    comment on schema app is 'Everything of Satchel.';
  end if;
  if not exists (select from pg_namespace where nspname = 'pgboss') then
    create schema pgboss authorization satchel_owner;
  end if;
  execute format('grant create, temporary on database %I to satchel_owner', current_database());
  execute format('revoke temporary on database %I from public', current_database());
  execute format('grant connect on database %I to satchel_request', current_database());
end
$$;

revoke all on schema public from public;
create extension if not exists btree_gin with schema app;
