-- What people say to each other under a lesson, who agrees with it, and who finds that it should not stand there.

create table app.comment (
  like template.tenant,
  comment_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  like template.audit including defaults including constraints,
  like template.soft_delete including constraints,
  content_id uuid not null,
  -- The comment that this one answers; null: it stands directly under the lesson.
  parent_id uuid,
  -- What it is listed under: one index serves the top of a lesson and the replies of a comment alike.
  under_id uuid not null generated always as (coalesce(parent_id, content_id)) stored,
  -- The ids from the top of the thread down to this one, sixteen bytes each: whatever stands below a comment, at any
  -- depth, is one range of an index. So counts are counted and kept nowhere, where they could go wrong.
  path bytea not null constraint comment_depth check (octet_length(path) <= 80),
  author_id uuid not null,
  -- Markdown, as written; null once its author is erased.
  body text constraint comment_body_length check (char_length(body) between 1 and 10000),
  edited_at timestamptz,
  state text not null constraint comment_state check (state in ('waiting', 'approved', 'rejected')),
  constraint comment_pkey primary key (organization_id, comment_id),
  -- Names the lesson too, for the reference below.
  constraint comment_content_unique unique (organization_id, content_id, comment_id),
  constraint comment_content_fkey foreign key (organization_id, content_id) references app.content,
  -- No thread leads from one lesson to another.
  constraint comment_parent_fkey foreign key (organization_id, content_id, parent_id)
    references app.comment (organization_id, content_id, comment_id),
  constraint comment_author_fkey foreign key (organization_id, author_id) references app.user,
  constraint comment_created_by_fkey foreign key (organization_id, created_by_id) references app.user on delete set null (created_by_id),
  constraint comment_updated_by_fkey foreign key (organization_id, updated_by_id) references app.user on delete set null (updated_by_id),
  constraint comment_deleted_by_fkey foreign key (organization_id, deleted_by_id) references app.user on delete set null (deleted_by_id)
);
comment on table app.comment is 'What somebody has written under a lesson, or in answer to another comment there.';
create index comment_under on app.comment (organization_id, under_id, comment_id);
-- What everybody sees: counts of lessons and of threads read this index alone.
create index comment_visible on app.comment (organization_id, content_id, path)
  where deleted_at is null and state = 'approved' and body is not null;
-- What moderators look for.
create index comment_unapproved on app.comment (organization_id, state, comment_id) where deleted_at is null and state <> 'approved';
create index comment_deleted on app.comment (organization_id, comment_id) where deleted_at is not null;
create index comment_parent on app.comment (organization_id, content_id, parent_id);
create index comment_author on app.comment (organization_id, author_id, comment_id);
create index comment_created_by on app.comment (organization_id, created_by_id);
create index comment_updated_by on app.comment (organization_id, updated_by_id);
create index comment_deleted_by on app.comment (organization_id, deleted_by_id);
call app.protect('app.comment');
call app.audit('app.comment', 'comment_id', array['under_id', 'path']);
call app.follow_deletion_of_content('app.comment');
call app.tag('app.comment', 'none', 'comment_id', 'content_id', 'parent_id', 'path', 'state', 'edited_at');
call app.tag('app.comment', 'derived', 'under_id');
call app.tag('app.comment', 'personal, person', 'author_id');
call app.tag('app.comment', 'personal, null', 'body');
grant select, insert on app.comment to satchel_request;
-- Where a comment stands and whose it is never changes.
grant update (body, edited_at, state, deleted_at, deleted_by_id, deletion_id) on app.comment to satchel_request;

create function app.place_comment() returns trigger
language plpgsql
as $$
begin
  -- A parent of another lesson gives no path, and is refused by its reference.
  new.path := coalesce((
    select c.path from app.comment c
    where c.organization_id = new.organization_id and c.content_id = new.content_id and c.comment_id = new.parent_id
  ), ''::bytea) || uuid_send(new.comment_id);
  return new;
end
$$;
comment on function app.place_comment() is 'Gives a new comment its path, whoever inserts it.';
create trigger place before insert on app.comment for each row execute function app.place_comment();

-- Stable and not inlined: it is asked for the few rows of a page, and for what is hidden while a page is looked for.
create function app.count_replies(organization uuid, lesson uuid, above bytea) returns integer
language sql stable parallel safe
return (
  select count(*)::integer from app.comment c
  where c.organization_id = organization and c.content_id = lesson and c.path > above and c.path < above || '\xff'::bytea
    and c.deleted_at is null and c.state = 'approved' and c.body is not null
);
comment on function app.count_replies(uuid, uuid, bytea) is
  'How many comments that everybody sees stand below one, at any depth.';

create table app.comment_upvote (
  like template.tenant,
  comment_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null default now(),
  constraint comment_upvote_pkey primary key (organization_id, comment_id, user_id),
  constraint comment_upvote_comment_fkey foreign key (organization_id, comment_id) references app.comment,
  constraint comment_upvote_user_fkey foreign key (organization_id, user_id) references app.user
);
comment on table app.comment_upvote is 'Who agrees with a comment: one vote a person.';
create index comment_upvote_user on app.comment_upvote (organization_id, user_id);
call app.protect('app.comment_upvote');
call app.tag('app.comment_upvote', 'none', 'comment_id');
-- The vote of somebody who is erased stays, of nobody in particular: or counts would tell who has gone.
call app.tag('app.comment_upvote', 'personal, person', 'user_id');
grant select, insert, delete on app.comment_upvote to satchel_request;

-- Apart from the comment: a vote must move neither its version nor its history. Kept and not counted, since comments are
-- put in order by it.
create table app.comment_score (
  like template.tenant,
  comment_id uuid not null,
  like template.timestamps including defaults,
  under_id uuid not null,
  upvotes integer not null default 0 constraint comment_score_upvotes_counts check (upvotes >= 0),
  constraint comment_score_pkey primary key (organization_id, comment_id),
  constraint comment_score_comment_fkey foreign key (organization_id, comment_id) references app.comment
);
comment on table app.comment_score is 'How many agree with a comment.';
create index comment_score_order on app.comment_score (organization_id, under_id, upvotes, comment_id);
call app.protect('app.comment_score');
call app.keep_time('app.comment_score');
call app.tag('app.comment_score', 'none', 'comment_id', 'upvotes');
call app.tag('app.comment_score', 'derived', 'under_id');
grant select, insert on app.comment_score to satchel_request;
grant update (upvotes) on app.comment_score to satchel_request;

create function app.begin_comment_score() returns trigger
language plpgsql
as $$
begin
  insert into app.comment_score (organization_id, comment_id, under_id) select organization_id, comment_id, under_id from new_rows;
  return null;
end
$$;
comment on function app.begin_comment_score() is 'Gives new comments the score they begin with.';
create trigger begin_score after insert on app.comment referencing new table as new_rows
  for each statement execute function app.begin_comment_score();

create function app.count_upvotes() returns trigger
language plpgsql
as $$
begin
  update app.comment_score s
  set upvotes = s.upvotes + case when tg_op = 'INSERT' then v.votes else -v.votes end
  from (select organization_id, comment_id, count(*)::integer as votes from touched group by 1, 2) v
  where s.organization_id = v.organization_id and s.comment_id = v.comment_id;
  return null;
end
$$;
comment on function app.count_upvotes() is 'Keeps the score of comments equal to their votes.';
create trigger count_given after insert on app.comment_upvote referencing new table as touched
  for each statement execute function app.count_upvotes();
create trigger count_taken after delete on app.comment_upvote referencing old table as touched
  for each statement execute function app.count_upvotes();

create table app.comment_flag (
  like template.tenant,
  comment_id uuid not null,
  user_id uuid not null,
  like template.timestamps including defaults,
  -- From a closed list: a free text would soon hold what is said about people, of whom nobody could tell whose it is.
  reason text not null
    constraint comment_flag_reason check (reason in ('spam', 'abuse', 'personal_data', 'off_topic', 'other')),
  flagged_at timestamptz not null default now(),
  resolved_at timestamptz,
  resolved_by_id uuid,
  resolution text constraint comment_flag_resolution check (resolution in ('dismissed', 'upheld')),
  constraint comment_flag_pkey primary key (organization_id, comment_id, user_id),
  constraint comment_flag_resolved_whole check ((resolved_at is null) = (resolution is null)),
  constraint comment_flag_comment_fkey foreign key (organization_id, comment_id) references app.comment,
  constraint comment_flag_user_fkey foreign key (organization_id, user_id) references app.user,
  constraint comment_flag_resolved_by_fkey foreign key (organization_id, resolved_by_id) references app.user
    on delete set null (resolved_by_id)
);
comment on table app.comment_flag is 'Who finds that a comment should not stand there: one flag a person, open until a moderator has looked.';
create index comment_flag_open on app.comment_flag (organization_id, comment_id) where resolved_at is null;
create index comment_flag_user on app.comment_flag (organization_id, user_id);
create index comment_flag_resolved_by on app.comment_flag (organization_id, resolved_by_id);
call app.protect('app.comment_flag');
call app.keep_time('app.comment_flag');
call app.tag('app.comment_flag', 'none', 'comment_id', 'reason', 'flagged_at', 'resolved_at', 'resolution');
call app.tag('app.comment_flag', 'personal, person', 'user_id');
call app.tag('app.comment_flag', 'personal, reference', 'resolved_by_id');
grant select, insert on app.comment_flag to satchel_request;
grant update (reason, flagged_at, resolved_at, resolved_by_id, resolution) on app.comment_flag to satchel_request;

grant execute on function app.place_comment(), app.count_replies(uuid, uuid, bytea), app.begin_comment_score(), app.count_upvotes()
  to satchel_request;
