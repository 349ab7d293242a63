-- Who was asked to look at a lesson, and what they said. One request is open at a time, and only while the lesson waits for it.

create table app.review (
  like template.tenant,
  review_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  like template.audit including defaults including constraints,
  like template.soft_delete including constraints,
  content_id uuid not null,
  -- The version that was submitted. While it waits the lesson cannot be changed.
  number integer not null,
  -- Null: whoever may.
  reviewer_id uuid,
  note text constraint review_note_length check (char_length(note) between 1 and 2000),
  state text not null default 'pending'
    constraint review_state check (state in ('pending', 'approved', 'rejected', 'withdrawn')),
  decided_at timestamptz,
  decided_by_id uuid,
  reason text constraint review_reason_length check (char_length(reason) between 1 and 2000),
  constraint review_pkey primary key (organization_id, review_id),
  constraint review_decided check ((state = 'pending') = (decided_at is null)),
  constraint review_rejected_reason check (state <> 'rejected' or reason is not null),
  constraint review_version_fkey foreign key (organization_id, content_id, number) references app.content_version
    on delete cascade,
  constraint review_reviewer_fkey foreign key (organization_id, reviewer_id) references app.user on delete set null (reviewer_id),
  constraint review_decided_by_fkey foreign key (organization_id, decided_by_id) references app.user
    on delete set null (decided_by_id),
  constraint review_created_by_fkey foreign key (organization_id, created_by_id) references app.user
    on delete set null (created_by_id),
  constraint review_updated_by_fkey foreign key (organization_id, updated_by_id) references app.user
    on delete set null (updated_by_id),
  constraint review_deleted_by_fkey foreign key (organization_id, deleted_by_id) references app.user
    on delete set null (deleted_by_id)
);
comment on table app.review is 'Requests to review a lesson, and their answers.';
create unique index review_open_unique on app.review (organization_id, content_id) where state = 'pending';
create index review_pending on app.review (organization_id, review_id) where state = 'pending' and deleted_at is null;
create index review_content on app.review (organization_id, content_id, review_id);
create index review_version on app.review (organization_id, content_id, number);
create index review_reviewer on app.review (organization_id, reviewer_id, review_id) where reviewer_id is not null;
create index review_decided_by on app.review (organization_id, decided_by_id) where decided_by_id is not null;
create index review_created_by on app.review (organization_id, created_by_id) where created_by_id is not null;
create index review_updated_by on app.review (organization_id, updated_by_id) where updated_by_id is not null;
create index review_deleted_by on app.review (organization_id, deleted_by_id) where deleted_by_id is not null;
call app.protect('app.review');
call app.audit('app.review', 'review_id');
-- What staff write to each other about a lesson is of the lesson, as its text is.
call app.tag('app.review', 'none', 'review_id', 'content_id', 'number', 'note', 'state', 'decided_at', 'reason');
call app.tag('app.review', 'personal, reference', 'reviewer_id', 'decided_by_id');
grant select, insert, update on app.review to satchel_request;
call app.follow_deletion_of_content('app.review');

-- A lesson that is published, changed by an import or otherwise taken on while it waits leaves no request behind.
create function app.close_reviews() returns trigger
language plpgsql
-- The plan that is kept must not read all requests, however many rows the statement had, and however few the table, when it
-- was made: what is open is looked up for each row (`offset 0`), and closed by its key.
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
declare
  open record;
begin
  for open in
    select n.organization_id, n.status, r.review_id, r.state
    from new_rows n
    cross join lateral (
      select r.review_id, r.state
      from app.review r
      where r.organization_id = n.organization_id and r.content_id = n.content_id and r.state = 'pending'
      offset 0
    ) r
    where n.status <> 'pending_review'
  loop
    update app.review r
    set state = case when open.status in ('approved', 'published') then 'approved' else 'withdrawn' end,
      decided_at = now(), decided_by_id = app.actor()
    where r.organization_id = open.organization_id and r.review_id = open.review_id and r.state = open.state;
  end loop;
  return null;
end
$$;
comment on function app.close_reviews() is 'Closes the open request of a lesson that waits no longer.';
create trigger review_update after update on app.content referencing new table as new_rows
  for each statement execute function app.close_reviews();

-- What is due is found without reading what is not. Nothing is yet: the index is made by one look over the rows, without
-- their texts, which takes a second for a million of them.
-- squawk-ignore require-concurrent-index-creation
create index content_due on app.content (organization_id, least(publish_at, unpublish_at))
  where publish_at is not null or unpublish_at is not null;
