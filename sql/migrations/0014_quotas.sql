-- What an organization may use, and what it uses.

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
