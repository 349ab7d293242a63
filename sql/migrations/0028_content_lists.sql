-- What lists of lessons are put in order and filtered by: one narrow row for what staff see of a lesson and one for what
-- readers see, kept by triggers. The lessons themselves are wide, are read by nobody before a page is known, and stay
-- without an index for every order: each would have to be written anew whenever a lesson is saved.

create table app.content_listing (
  like template.tenant,
  content_id uuid not null,
  -- staff: app.content; readers: app.publication.
  audience text not null constraint content_listing_audience check (audience in ('staff', 'readers')),
  -- The lesson's, as are all the others.
  created_at timestamptz not null default now(),
  changed_at timestamptz not null,
  -- What was never published comes before whatever was.
  published_at timestamptz not null,
  title_key text collate "C" not null,
  live boolean not null,
  status text not null,
  content_type text not null,
  difficulty_level text not null,
  language text not null,
  author_id uuid,
  source_id text,
  slug text not null,
  tags text[] not null,
  constraint content_listing_pkey primary key (organization_id, content_id, audience),
  constraint content_listing_content_fkey foreign key (organization_id, content_id) references app.content on delete cascade
);
comment on table app.content_listing is 'What lists of lessons are filtered by and put in order by: a copy, apart from the texts.';
-- One for each order: a page is read from its place in it, and nothing is sorted.
create index content_listing_created on app.content_listing (organization_id, audience, live, created_at, content_id);
create index content_listing_changed on app.content_listing (organization_id, audience, live, changed_at, content_id);
create index content_listing_published on app.content_listing (organization_id, audience, live, published_at, content_id);
create index content_listing_title on app.content_listing (organization_id, audience, live, title_key, content_id);
-- One for each filter: what is rare is found by it, and not by walking through all the others.
create index content_listing_kinds on app.content_listing
  (organization_id, audience, live, status, content_type, difficulty_level, language, content_id);
create index content_listing_author on app.content_listing (organization_id, audience, author_id, content_id);
create index content_listing_source on app.content_listing (organization_id, audience, source_id, content_id);
create index content_listing_slug on app.content_listing (organization_id, audience, slug, content_id);
call app.protect('app.content_listing');
call app.tag(
  'app.content_listing', 'derived', 'content_id', 'audience', 'changed_at', 'published_at', 'title_key', 'live', 'status',
  'content_type', 'difficulty_level', 'language', 'author_id', 'source_id', 'slug', 'tags'
);
grant select on app.content_listing to satchel_request;

-- The tags once more, a row for each: an index on arrays (GIN) is of no use under row-level security.
create table app.content_listing_tag (
  like template.tenant,
  tag text not null,
  audience text not null,
  content_id uuid not null,
  created_at timestamptz not null default now(),
  constraint content_listing_tag_pkey primary key (organization_id, audience, tag, content_id),
  constraint content_listing_tag_listing_fkey foreign key (organization_id, content_id, audience)
    references app.content_listing on delete cascade
);
comment on table app.content_listing_tag is 'Which lessons carry a tag, as staff and as readers see them.';
create index content_listing_tag_listing on app.content_listing_tag (organization_id, content_id, audience);
call app.protect('app.content_listing_tag');
call app.tag('app.content_listing_tag', 'derived', 'tag', 'audience', 'content_id');
grant select on app.content_listing_tag to satchel_request;

-- The triggers write as the owner, whom FORCE binds as well.
create policy owner_all on app.content_listing for all to satchel_owner using (true) with check (true);
create policy owner_all on app.content_listing_tag for all to satchel_owner using (true) with check (true);

-- With the owner's rights, so that nobody else needs a right to write here. Statement level: an import of a thousand
-- lessons is three statements here, not three thousand.
create function app.list_contents() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
-- The plan that is kept must not read all that is listed, however many rows the statement had, and however few the table,
-- when it was made. What names an audience names it in a row of the statement: by one that is known beforehand the planner
-- would walk through all that is listed for it, of every organization.
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
begin
  if tg_op = 'DELETE' then
    delete from app.content_listing l
    using (select organization_id, content_id, 'readers' as audience from old_rows offset 0) o
    where l.organization_id = o.organization_id and l.content_id = o.content_id and l.audience = o.audience;
    return null;
  end if;
  if tg_table_name = 'content' then
    insert into app.content_listing as l
      (organization_id, content_id, audience, created_at, changed_at, published_at, title_key, live, status, content_type,
       difficulty_level, language, author_id, source_id, slug, tags)
    select organization_id, content_id, 'staff', created_at, updated_at, coalesce(published_at, 'epoch'),
      left(app.fold(title), 100), deleted_at is null, status, content_type, difficulty_level, language, created_by_id,
      source_id, slug, tags
    from new_rows
    on conflict (organization_id, content_id, audience) do update
    set changed_at = excluded.changed_at, published_at = excluded.published_at, title_key = excluded.title_key,
      live = excluded.live, status = excluded.status, content_type = excluded.content_type,
      difficulty_level = excluded.difficulty_level, language = excluded.language, author_id = excluded.author_id,
      source_id = excluded.source_id, slug = excluded.slug, tags = excluded.tags;
  else
    insert into app.content_listing as l
      (organization_id, content_id, audience, created_at, changed_at, published_at, title_key, live, status, content_type,
       difficulty_level, language, author_id, source_id, slug, tags)
    select organization_id, content_id, 'readers', created_at, updated_at, published_at, left(app.fold(title), 100),
      deleted_at is null, 'published', content_type, difficulty_level, language, created_by_id, source_id, slug, tags
    from new_rows
    on conflict (organization_id, content_id, audience) do update
    set changed_at = excluded.changed_at, published_at = excluded.published_at, title_key = excluded.title_key,
      live = excluded.live, content_type = excluded.content_type, difficulty_level = excluded.difficulty_level,
      language = excluded.language, author_id = excluded.author_id, source_id = excluded.source_id, slug = excluded.slug,
      tags = excluded.tags;
  end if;
  delete from app.content_listing_tag t
  using (select organization_id, content_id, tg_argv[0] as audience, tags from new_rows offset 0) n
  where tg_op = 'UPDATE' and t.organization_id = n.organization_id and t.content_id = n.content_id
    and t.audience = n.audience and t.tag <> all (n.tags);
  insert into app.content_listing_tag (organization_id, audience, tag, content_id)
  select distinct n.organization_id, tg_argv[0], tag, n.content_id
  from new_rows n cross join lateral unnest(n.tags) tag
  on conflict do nothing;
  return null;
end
$$;
comment on function app.list_contents() is
  'Writes app.content_listing and app.content_listing_tag for one statement. Its argument is the audience.';
create trigger listing_insert after insert on app.content referencing new table as new_rows
  for each statement execute function app.list_contents('staff');
create trigger listing_update after update on app.content referencing new table as new_rows
  for each statement execute function app.list_contents('staff');
create trigger listing_insert after insert on app.publication referencing new table as new_rows
  for each statement execute function app.list_contents('readers');
create trigger listing_update after update on app.publication referencing new table as new_rows
  for each statement execute function app.list_contents('readers');
create trigger listing_delete after delete on app.publication referencing old table as old_rows
  for each statement execute function app.list_contents('readers');

-- What there was before follows in a later migration: nobody may wait for all of it to be copied. Only until then the
-- owner, too, is let see the lessons.
create policy backfill on app.content for all to satchel_owner using (true) with check (true);
