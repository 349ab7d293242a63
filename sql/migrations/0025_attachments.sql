-- What hangs on lessons as bytes: where each file is kept, and under which name and where in the order it is shown.

-- The bytes lie outside the database, at an address made of the organization, their hash and the id of this row (src/storage.ts).
-- A row is there before its bytes and, once gone, never comes back, since no id is given twice: bytes without a row are
-- nobody's, however late they were written, and may be removed by whoever finds them.
create table app.file (
  like template.tenant,
  file_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  sha256 bytea not null constraint file_sha256_length check (octet_length(sha256) = 32),
  -- What a number of JavaScript holds exactly.
  size bigint not null constraint file_size_range check (size between 0 and 9007199254740991),
  -- Null: the bytes may be only half there.
  stored_at timestamptz,
  uses integer not null default 0 constraint file_uses_counts check (uses >= 0),
  constraint file_used_when_stored check (uses = 0 or stored_at is not null),
  constraint file_pkey primary key (organization_id, file_id),
  constraint file_organization_fkey foreign key (organization_id) references app.organization
);
comment on table app.file is 'Bytes of an organization, kept once however many attachments they are.';
-- Within the organization: that another one has the same file must not show, neither in time nor in space.
create unique index file_sha256_unique on app.file (organization_id, sha256) where stored_at is not null;
create index file_unused on app.file (organization_id, file_id) where uses = 0;
call app.protect('app.file');
call app.keep_time('app.file');
call app.tag('app.file', 'none', 'file_id', 'sha256', 'size', 'stored_at', 'uses');
grant select, insert (organization_id, file_id, sha256, size), update (stored_at), delete on app.file to satchel_request;
-- The trigger below counts as the owner, whom FORCE binds as well.
create policy owner_all on app.file for all to satchel_owner using (true) with check (true);

create table app.attachment (
  like template.tenant,
  attachment_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  like template.audit including defaults including constraints,
  like template.soft_delete including constraints,
  content_id uuid not null,
  file_id uuid not null,
  name text not null
    constraint attachment_name_form check (char_length(name) between 1 and 255 and name !~ '[[:cntrl:]/\\]'),
  description text not null default '' constraint attachment_description_length check (char_length(description) <= 1000),
  -- Found out from the bytes. Of the attachment and not of the file: the same text is a table under one name only.
  media_type text not null
    constraint attachment_media_type_form check (media_type ~ '^[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}$'),
  position integer not null constraint attachment_position_positive check (position > 0),
  constraint attachment_pkey primary key (organization_id, attachment_id),
  constraint attachment_organization_fkey foreign key (organization_id) references app.organization,
  constraint attachment_content_fkey foreign key (organization_id, content_id) references app.content,
  constraint attachment_file_fkey foreign key (organization_id, file_id) references app.file,
  constraint attachment_created_by_fkey foreign key (organization_id, created_by_id) references app.user
    on delete set null (created_by_id),
  constraint attachment_updated_by_fkey foreign key (organization_id, updated_by_id) references app.user
    on delete set null (updated_by_id),
  constraint attachment_deleted_by_fkey foreign key (organization_id, deleted_by_id) references app.user
    on delete set null (deleted_by_id)
);
comment on table app.attachment is 'A file as it hangs on a lesson.';
create index attachment_content on app.attachment (organization_id, content_id, position, attachment_id);
create index attachment_file on app.attachment (organization_id, file_id);
create index attachment_deleted on app.attachment (organization_id, deleted_at) where deleted_at is not null;
create index attachment_created_by on app.attachment (organization_id, created_by_id);
create index attachment_updated_by on app.attachment (organization_id, updated_by_id);
create index attachment_deleted_by on app.attachment (organization_id, deleted_by_id);
call app.protect('app.attachment');
call app.audit('app.attachment', 'attachment_id');
call app.tag('app.attachment', 'none', 'attachment_id', 'content_id', 'file_id', 'description', 'media_type', 'position');
call app.tag('app.attachment', 'none, label', 'name');
grant select, insert, update, delete on app.attachment to satchel_request;
call app.follow_deletion_of_content('app.attachment');

-- A file counts in the quota of storage once, as long as an attachment that is not deleted names it: from the first to the
-- last. The rows of the files are locked, in one order for everybody, before that of the usage.
create function app.count_files() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  organizations uuid[];
  files uuid[];
  more integer[];
  c record;
begin
  if tg_op = 'INSERT' then
    select array_agg(organization_id), array_agg(file_id), array_agg(n) into organizations, files, more
    from (
      select organization_id, file_id, count(*)::integer as n from new_rows where deleted_at is null group by 1, 2
    ) d;
  elsif tg_op = 'DELETE' then
    select array_agg(organization_id), array_agg(file_id), array_agg(n) into organizations, files, more
    from (
      select organization_id, file_id, -count(*)::integer as n from old_rows where deleted_at is null group by 1, 2
    ) d;
  else
    select array_agg(organization_id), array_agg(file_id), array_agg(n) into organizations, files, more
    from (
      select organization_id, file_id, sum(sign)::integer as n
      from (
        select 1 as sign, organization_id, file_id from new_rows where deleted_at is null
        union all
        select -1, organization_id, file_id from old_rows where deleted_at is null
      ) r
      group by 1, 2 having sum(sign) <> 0
    ) d;
  end if;
  if files is null then
    return null;
  end if;
  perform from app.file f
  where (f.organization_id, f.file_id) in (select * from unnest(organizations, files))
  order by f.organization_id, f.file_id
  for update;
  for c in
    with counted as (
      update app.file f set uses = f.uses + d.n
      from unnest(organizations, files, more) d (organization_id, file_id, n)
      where f.organization_id = d.organization_id and f.file_id = d.file_id
      returning f.organization_id, f.size, f.uses, d.n
    )
    select organization_id, sum(case when uses = 0 then -size when uses = n then size else 0 end)::bigint as bytes
    from counted group by 1 order by 1
  loop
    perform app.use_quota(c.organization_id, 0, c.bytes);
  end loop;
  return null;
end
$$;
comment on function app.count_files() is 'Counts the attachments of one statement into app.file, and their bytes into app.usage.';
create trigger usage_insert after insert on app.attachment referencing new table as new_rows
  for each statement execute function app.count_files();
create trigger usage_update after update on app.attachment referencing old table as old_rows new table as new_rows
  for each statement execute function app.count_files();
create trigger usage_delete after delete on app.attachment referencing old table as old_rows
  for each statement execute function app.count_files();
