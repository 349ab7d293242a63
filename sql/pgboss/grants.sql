-- Who may do what with the job queue. Run as the owner after the schema was made or upgraded; safe to run again, and
-- takes no lock on the jobs when nothing is to be changed.

grant usage on schema pgboss to satchel_request, satchel_system;
grant execute on function pgboss.job_now() to satchel_request, satchel_system;
grant select, insert, update, delete on all tables in schema pgboss to satchel_system;

-- The request role may add a job and learn its id. It can neither read nor change what waits, its own jobs included.
grant select (
  name, policy, retry_limit, retry_delay, retry_backoff, retry_delay_max, expire_seconds, retention_seconds,
  deletion_seconds, dead_letter, heartbeat_seconds
) on pgboss.queue to satchel_request;
grant insert, select (id) on pgboss.job_common to satchel_request;

-- And only a job of the organization that its transaction has entered. Not forced: pg-boss' own upgrades run as the
-- owner and must see every job.
do $$
begin
  if not (select relrowsecurity from pg_class where oid = 'pgboss.job_common'::regclass) then
    alter table pgboss.job_common enable row level security;
    create policy system_all on pgboss.job_common to satchel_system using (true) with check (true);
    create policy request_insert on pgboss.job_common for insert to satchel_request
      with check ((data ->> 'organizationId')::uuid = (select app.org()));
    -- For the id that the insert returns.
    create policy request_select on pgboss.job_common for select to satchel_request
      using ((data ->> 'organizationId')::uuid = (select app.org()));
  end if;
end
$$;
