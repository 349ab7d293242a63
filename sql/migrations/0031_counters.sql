-- How often a lesson is read, by how many, and who has completed it. Nothing here touches app.content, whose version is
-- what its readers and writers hold in their hands.

-- A row of each person and lesson, not one of each hour and not one sum: whoever reads a lesson touches their own row and
-- no other, so a thousand who open it at once wait for nobody, and the row itself says whether this hour is counted. It
-- grows with people, not with time, and keeps no diary of a pupil: how often, and when last. Measured with PostgreSQL 15 on
-- two cores, 15 writers on one lesson: a sum in one row beside the rows of people 0.8 thousand a second, sums in sixteen
-- slots 4.6, this 6.2 (test/bench/counters.ts compares them anew). The sums are counted at every read: 0.4 ms for a
-- thousand viewers.
create table app.content_view (
  like template.tenant,
  content_id uuid not null,
  user_id uuid not null,
  like template.timestamps including defaults,
  views integer not null default 1 constraint content_view_views_positive check (views > 0),
  -- The last hour that was counted, by its beginning.
  last_hour timestamptz not null constraint content_view_last_hour_whole check (extract(epoch from last_hour) % 3600 = 0),
  constraint content_view_pkey primary key (organization_id, content_id, user_id),
  constraint content_view_content_fkey foreign key (organization_id, content_id) references app.content,
  constraint content_view_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.content_view is 'How often a person has read a lesson: at most once in each hour, and when last.';
create index content_view_user on app.content_view (organization_id, user_id);
create index content_view_last_hour on app.content_view (organization_id, last_hour);
call app.protect('app.content_view');
call app.keep_time('app.content_view');
call app.tag('app.content_view', 'personal, row', 'user_id');
call app.tag('app.content_view', 'personal', 'views', 'last_hour');
call app.tag('app.content_view', 'none', 'content_id');
grant select, insert, delete on app.content_view to satchel_request;
grant update (views, last_hour) on app.content_view to satchel_request;

-- What is left of rows that are gone, because they are old or their person was erased: numbers, of nobody.
create table app.content_tally (
  like template.tenant,
  content_id uuid not null,
  like template.timestamps including defaults,
  views bigint not null constraint content_tally_views_counts check (views >= 0),
  viewers bigint not null constraint content_tally_viewers_counts check (viewers >= 0),
  constraint content_tally_pkey primary key (organization_id, content_id),
  constraint content_tally_content_fkey foreign key (organization_id, content_id) references app.content
);
comment on table app.content_tally is 'How often, and by how many, a lesson was read of whom no row is left.';
call app.protect('app.content_tally');
call app.keep_time('app.content_tally');
call app.tag('app.content_tally', 'none', 'content_id', 'views', 'viewers');
grant select on app.content_tally to satchel_request;
-- The trigger below writes as the owner, whom FORCE binds as well.
create policy owner_all on app.content_tally for all to satchel_owner using (true) with check (true);

-- With the owner's rights, so that no other can make up a number. In the transaction that removes the rows, whoever does:
-- a sum of both tables is the same before and after.
create function app.keep_tally() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app.content_tally as t (organization_id, content_id, views, viewers)
  select organization_id, content_id, sum(views), count(*) from old_rows group by 1, 2 order by 1, 2
  on conflict (organization_id, content_id) do update
    set views = t.views + excluded.views, viewers = t.viewers + excluded.viewers;
  return null;
end
$$;
comment on function app.keep_tally() is 'Adds what the removed rows of app.content_view counted to the tally of their lessons.';
create trigger tally_delete after delete on app.content_view referencing old table as old_rows
  for each statement execute function app.keep_tally();

-- Once per person, until they take it back. It goes with its person, and then counts no longer: how many have completed a
-- lesson is always how many a teacher can be shown.
create table app.completion (
  like template.tenant,
  -- By when it was made: what lists are in the order of.
  completion_id uuid not null default app.uuidv7(),
  content_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null default now(),
  constraint completion_pkey primary key (organization_id, content_id, user_id),
  constraint completion_content_fkey foreign key (organization_id, content_id) references app.content,
  constraint completion_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.completion is 'Who has completed a lesson, and when.';
create index completion_of_content on app.completion (organization_id, content_id, completion_id);
create index completion_of_user on app.completion (organization_id, user_id, completion_id);
call app.protect('app.completion');
call app.tag('app.completion', 'personal, row', 'user_id');
call app.tag('app.completion', 'none', 'completion_id', 'content_id');
grant select, insert, delete on app.completion to satchel_request;
grant update (completion_id) on app.completion to satchel_request;
