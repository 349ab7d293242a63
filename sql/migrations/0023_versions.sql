-- Every text a lesson has had, which of them readers see, and since when. Staff write the working copy (app.content), readers
-- read app.publication; both are written by one statement, so that no door, import or job can let them fall apart.

-- What a trigger makes of a write, whoever writes: an update need only set texts, status and published_at.
--   latest_number         moves by one whenever a text changes: title, slug, description, body, content_type,
--                         difficulty_level, language, tags, prerequisites, learning_objectives, metadata, settings,
--                         estimated_duration_minutes. The version before it is the one it was made from.
--   restored_from_number  of the latest version; set together with its text. An update that leaves it alone makes it null.
--   live_number           what readers see: the latest while the status is `published`, nothing while published_at is
--                         null, and otherwise what it was: a draft beside what is live.
--   published_at          since when readers have seen something, and not this version.
--   publish_at            only while it is approved; any other status calls it off.
--   unpublish_at          only while something is live or will be.
alter table app.content
  add column latest_number integer not null default 1,
  add column live_number integer,
  add column restored_from_number integer,
  add column publish_at timestamptz,
  add column unpublish_at timestamptz;
call app.tag('app.content', 'none', 'latest_number', 'live_number', 'restored_from_number', 'publish_at', 'unpublish_at');
-- A draft may stand beside what is live.
alter table app.content drop constraint content_published_time;

create table app.content_version (
  like template.tenant,
  content_id uuid not null,
  number integer not null constraint content_version_number_positive check (number > 0),
  -- Whole microseconds apart from the version before.
  created_at timestamptz not null default now(),
  created_by_id uuid default app.actor(),
  restored_from_number integer,
  title text not null,
  slug text not null,
  description text not null,
  body text not null,
  content_type text not null
    constraint content_version_type check (content_type in ('lesson', 'tutorial', 'exercise', 'quiz', 'project', 'reference')),
  difficulty_level text not null
    constraint content_version_difficulty_level check (difficulty_level in ('beginner', 'intermediate', 'advanced', 'expert')),
  language text not null,
  tags text[] not null,
  prerequisites text[] not null,
  learning_objectives text[] not null,
  metadata json not null,
  settings json not null,
  estimated_duration_minutes integer,
  constraint content_version_pkey primary key (organization_id, content_id, number)
);
comment on table app.content_version is
  'Every text that a lesson has had. Nobody may write here but the trigger of app.content, and nobody may change a row.';
-- Without the rows of nobody it is no way to find a lesson's: of a table that was filled a moment ago the planner knows
-- nothing, and would read all of an organization's rows by it for each one.
create index content_version_created_by on app.content_version (organization_id, created_by_id) where created_by_id is not null;
call app.protect('app.content_version');
call app.tag(
  'app.content_version', 'none', 'content_id', 'number', 'restored_from_number', 'slug', 'description', 'body', 'content_type',
  'difficulty_level', 'language', 'tags', 'prerequisites', 'learning_objectives', 'metadata', 'settings', 'estimated_duration_minutes'
);
call app.tag('app.content_version', 'none, label', 'title');
grant select on app.content_version to satchel_request;

create table app.publication (
  like template.tenant,
  content_id uuid not null,
  -- The lesson's: when it was first written, and by whom.
  created_at timestamptz not null default now(),
  created_by_id uuid default app.actor(),
  -- Since when readers have seen it like this.
  updated_at timestamptz not null default now(),
  like template.soft_delete including constraints,
  number integer not null,
  -- The lesson's when this became what readers see: their ETag.
  version integer not null,
  source_id text,
  title text not null,
  slug text not null,
  description text not null,
  body text not null,
  content_type text not null
    constraint publication_type check (content_type in ('lesson', 'tutorial', 'exercise', 'quiz', 'project', 'reference')),
  difficulty_level text not null
    constraint publication_difficulty_level check (difficulty_level in ('beginner', 'intermediate', 'advanced', 'expert')),
  language text not null,
  tags text[] not null,
  prerequisites text[] not null,
  learning_objectives text[] not null,
  metadata json not null,
  settings json not null,
  estimated_duration_minutes integer,
  published_at timestamptz not null,
  constraint publication_pkey primary key (organization_id, content_id)
);
comment on table app.publication is
  'What readers see of each lesson: a copy of the live version, apart from the drafts, so that no query can show one by mistake.';
-- Two lessons may exchange their slugs as drafts; what readers ask for by its slug is one.
create unique index publication_slug_unique on app.publication (organization_id, slug) where deleted_at is null;
create index publication_source on app.publication (organization_id, source_id) where deleted_at is null and source_id is not null;
create index publication_live on app.publication (organization_id, content_id) where deleted_at is null;
create index publication_created_by on app.publication (organization_id, created_by_id) where created_by_id is not null;
create index publication_deleted_by on app.publication (organization_id, deleted_by_id) where deleted_by_id is not null;
call app.protect('app.publication');
call app.keep_time('app.publication');
call app.tag(
  'app.publication', 'none', 'content_id', 'number', 'version', 'source_id', 'slug', 'description', 'body', 'content_type',
  'difficulty_level', 'language', 'tags', 'prerequisites', 'learning_objectives', 'metadata', 'settings',
  'estimated_duration_minutes', 'published_at'
);
call app.tag('app.publication', 'none, label', 'title');
-- It goes and comes back with the lesson, on behalf of whoever deletes that.
grant select, update (deleted_at, deleted_by_id, deletion_id) on app.publication to satchel_request;

create table app.publication_period (
  like template.tenant,
  content_id uuid not null,
  like template.timestamps including defaults,
  number integer not null,
  published_at timestamptz not null,
  ended_at timestamptz,
  constraint publication_period_pkey primary key (organization_id, content_id, published_at),
  constraint publication_period_order check (ended_at >= published_at),
  constraint publication_period_version_fkey foreign key (organization_id, content_id, number) references app.content_version
    on delete cascade
);
comment on table app.publication_period is
  'When readers saw which version: from published_at up to, and without, ended_at. A deleted lesson is seen by nobody.';
create unique index publication_period_open_unique on app.publication_period (organization_id, content_id) where ended_at is null;
create index publication_period_version on app.publication_period (organization_id, content_id, number);
call app.protect('app.publication_period');
call app.keep_time('app.publication_period');
call app.tag('app.publication_period', 'none', 'content_id', 'number', 'published_at', 'ended_at');
grant select on app.publication_period to satchel_request;

-- The trigger writes as the owner, whom FORCE binds as well.
create policy owner_all on app.content_version for all to satchel_owner using (true) with check (true);
create policy owner_all on app.publication for all to satchel_owner using (true) with check (true);
create policy owner_all on app.publication_period for all to satchel_owner using (true) with check (true);

-- For each row, because it fills in columns of the row itself.
create function app.number_version() returns trigger
language plpgsql
as $$
begin
  if tg_op = 'INSERT' then
    new.latest_number := 1;
    new.live_number := null;
    new.restored_from_number := null;
  else
    new.live_number := old.live_number;
    if (new.title, new.slug, new.description, new.body, new.content_type, new.difficulty_level, new.language, new.tags,
        new.prerequisites, new.learning_objectives, new.metadata::text, new.settings::text, new.estimated_duration_minutes)
      is distinct from
       (old.title, old.slug, old.description, old.body, old.content_type, old.difficulty_level, old.language, old.tags,
        old.prerequisites, old.learning_objectives, old.metadata::text, old.settings::text, old.estimated_duration_minutes) then
      new.latest_number := old.latest_number + 1;
      -- Restoring the same version twice in a row changes no text: whoever names the same one again does so by leaving it.
      if new.restored_from_number is not distinct from old.restored_from_number then
        new.restored_from_number := null;
      end if;
    else
      new.latest_number := old.latest_number;
      new.restored_from_number := old.restored_from_number;
    end if;
  end if;
  if new.published_at is null then
    new.live_number := null;
  elsif new.status = 'published' then
    new.live_number := new.latest_number;
  end if;
  if new.status <> 'approved' then
    new.publish_at := null;
  end if;
  if new.live_number is null and new.publish_at is null then
    new.unpublish_at := null;
  end if;
  return new;
end
$$;
comment on function app.number_version() is 'Numbers the versions of a lesson, and says which of them is live.';
create trigger number_version before insert or update on app.content for each row execute function app.number_version();

-- Statement level with a transition table: an import of a thousand lessons is one insert here, not a thousand. With the
-- owner's rights, so that nobody else needs a right to write here and no version can be made up or altered. It looks at what
-- is kept, not at what the rows were before: whatever was missed is made up for by the next update.
create function app.keep_versions() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
-- The plans that are kept must not read all that is kept, however many rows the statement had, and however few the tables,
-- when they were made. `offset 0`: what is open is looked up for each row, or all that is open anywhere would be read.
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
begin
  -- The time of each is the lesson's own, which moves with every update, also where a transaction that began earlier writes
  -- later: versions follow each other in the order of their numbers, and no two periods overlap.
  insert into app.content_version
    (organization_id, content_id, number, created_at, restored_from_number, title, slug, description, body, content_type,
     difficulty_level, language, tags, prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes)
  select n.organization_id, n.content_id, n.latest_number, n.updated_at, n.restored_from_number, n.title, n.slug,
    n.description, n.body, n.content_type, n.difficulty_level, n.language, n.tags, n.prerequisites, n.learning_objectives,
    n.metadata, n.settings, n.estimated_duration_minutes
  from new_rows n
  where not exists (
    select from app.content_version v
    where v.organization_id = n.organization_id and v.content_id = n.content_id and v.number = n.latest_number
  );
  -- Taken away first and then put back: two lessons that exchange their slugs may be published together.
  delete from app.publication p
  using new_rows n
  where p.organization_id = n.organization_id and p.content_id = n.content_id
    and (p.number, p.published_at) is distinct from (n.live_number, n.published_at);
  insert into app.publication
    (organization_id, content_id, created_at, created_by_id, deleted_at, deleted_by_id, deletion_id, number, version, source_id,
     title, slug, description, body, content_type, difficulty_level, language, tags, prerequisites, learning_objectives,
     metadata, settings, estimated_duration_minutes, published_at)
  select n.organization_id, n.content_id, n.created_at, n.created_by_id, n.deleted_at, n.deleted_by_id, n.deletion_id,
    v.number, n.version, n.source_id, v.title, v.slug, v.description, v.body, v.content_type, v.difficulty_level, v.language,
    v.tags, v.prerequisites, v.learning_objectives, v.metadata, v.settings, v.estimated_duration_minutes, n.published_at
  from new_rows n
  join app.content_version v
    on v.organization_id = n.organization_id and v.content_id = n.content_id and v.number = n.live_number
  where not exists (
    select from app.publication p where p.organization_id = n.organization_id and p.content_id = n.content_id
  );
  -- The name where it comes from is no text: the rest of what readers see stays, also what a renamed tag has become there.
  update app.publication p
  set source_id = n.source_id, version = n.version
  from new_rows n
  where p.organization_id = n.organization_id and p.content_id = n.content_id and p.source_id is distinct from n.source_id;
  update app.publication_period p
  set ended_at = n.updated_at
  from new_rows n
  cross join lateral (
    select o.published_at
    from app.publication_period o
    where o.organization_id = n.organization_id and o.content_id = n.content_id and o.ended_at is null
    offset 0
  ) o
  where p.organization_id = n.organization_id and p.content_id = n.content_id and p.published_at = o.published_at
    and p.number is distinct from case when n.deleted_at is null then n.live_number end;
  insert into app.publication_period (organization_id, content_id, number, published_at)
  select n.organization_id, n.content_id, n.live_number, n.updated_at
  from new_rows n
  where n.live_number is not null and n.deleted_at is null
    and not exists (
      select from app.publication_period p
      where p.organization_id = n.organization_id and p.content_id = n.content_id and p.ended_at is null
      offset 0
    );
  return null;
end
$$;
comment on function app.keep_versions() is
  'Writes app.content_version, app.publication and app.publication_period for one statement.';
create trigger version_insert after insert on app.content referencing new table as new_rows
  for each statement execute function app.keep_versions();
create trigger version_update after update on app.content referencing new table as new_rows
  for each statement execute function app.keep_versions();
call app.follow_deletion_of_content('app.publication');

-- What there was before follows in the next migration: copying all texts may take its time, and nothing may wait for it.
alter table app.content
  add constraint content_live_time check ((live_number is null) = (published_at is null)) not valid,
  add constraint content_live_known check (live_number <= latest_number) not valid,
  add constraint content_live_status check (
    case status when 'published' then live_number is not null and live_number = latest_number when 'archived' then live_number is null else true end
  ) not valid,
  add constraint content_schedule_status check (publish_at is null or status = 'approved') not valid,
  add constraint content_schedule_order check (unpublish_at > publish_at) not valid,
  add constraint content_schedule_live check (unpublish_at is null or live_number is not null or publish_at is not null)
    not valid;
alter table app.content_version
  add constraint content_version_content_fkey foreign key (organization_id, content_id) references app.content
    on delete cascade not valid,
  add constraint content_version_created_by_fkey foreign key (organization_id, created_by_id) references app.user
    on delete set null (created_by_id) not valid;
alter table app.publication
  add constraint publication_content_fkey foreign key (organization_id, content_id) references app.content
    on delete cascade not valid,
  add constraint publication_created_by_fkey foreign key (organization_id, created_by_id) references app.user
    on delete set null (created_by_id) not valid,
  add constraint publication_deleted_by_fkey foreign key (organization_id, deleted_by_id) references app.user
    on delete set null (deleted_by_id) not valid;
-- Only until then: the owner, too, sees no lesson and no person without a policy.
create policy backfill on app.content for all to satchel_owner using (true) with check (true);
create policy backfill on app.user for select to satchel_owner using (true);
