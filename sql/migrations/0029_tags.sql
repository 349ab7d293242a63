-- Other names for tags and skills: what everybody in an organization has written is renamed or merged by one job, batch by
-- batch, and only one of a kind is under way, or two could chase each other for ever.

create table app.rename (
  like template.tenant,
  rename_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  requested_by_id uuid default app.actor(),
  -- With which API key, if with one: it has to be good for as long as this is worked off.
  api_key_id uuid,
  subject text not null constraint rename_subject check (subject in ('tags', 'skills')),
  from_words text[] not null constraint rename_from_words_count check (cardinality(from_words) between 1 and 100),
  to_word text not null constraint rename_to_word_length check (char_length(to_word) between 1 and 100),
  state text not null default 'waiting' constraint rename_state check (state in ('waiting', 'running', 'finished', 'failed')),
  failure text constraint rename_failure check (
    failure in ('organization_not_active', 'requester_not_allowed', 'api_key_ended', 'not_worked_off')
  ),
  -- How far it is, written with what was renamed: all is gone through in the order of the ids, and once more from the
  -- beginning until nothing was left to do, for what somebody wrote meanwhile.
  pass integer not null default 1 constraint rename_pass_positive check (pass > 0),
  after_id uuid,
  pass_count integer not null default 0 constraint rename_pass_count_counts check (pass_count >= 0),
  changed_count integer not null default 0 constraint rename_changed_count_counts check (changed_count >= 0),
  finished_at timestamptz,
  constraint rename_pkey primary key (organization_id, rename_id),
  constraint rename_finished_whole check ((state in ('finished', 'failed')) = (finished_at is not null)),
  constraint rename_failed_whole check ((state = 'failed') = (failure is not null)),
  constraint rename_organization_fkey foreign key (organization_id) references app.organization,
  constraint rename_requested_by_fkey foreign key (organization_id, requested_by_id) references app.user
    on delete set null (requested_by_id),
  constraint rename_api_key_fkey foreign key (organization_id, api_key_id) references app.api_key on delete set null (api_key_id)
);
comment on table app.rename is 'A renaming or merging of tags or skills, and how far it is worked off.';
create unique index rename_under_way on app.rename (organization_id, subject) where finished_at is null;
create index rename_requested_by on app.rename (organization_id, requested_by_id);
create index rename_api_key on app.rename (organization_id, api_key_id);
call app.protect('app.rename');
call app.keep_time('app.rename');
call app.tag('app.rename', 'personal, reference', 'requested_by_id');
-- Skills are what people tell of themselves: gone a week after it has ended.
call app.tag('app.rename', 'personal, expires', 'from_words', 'to_word');
call app.tag(
  'app.rename', 'none', 'rename_id', 'api_key_id', 'subject', 'state', 'failure', 'pass', 'after_id', 'pass_count',
  'changed_count', 'finished_at'
);
grant select, insert, update, delete on app.rename to satchel_request;

create function app.rename_words(words text[], from_words text[], to_word text) returns text[]
language sql immutable parallel safe
return case when words && from_words then (
  select array_agg(r.word order by r.place)
  from (
    select m.place, m.meant, case when m.meant then to_word else m.word end as word,
      row_number() over (partition by m.meant order by m.place) as nth
    from (
      select w.word, w.place, w.word = to_word or w.word = any (from_words) as meant
      from unnest(words) with ordinality w (word, place)
    ) m
  ) r
  where not r.meant or r.nth = 1
) else words end;
comment on function app.rename_words(text[], text[], text) is
  'The words with each of the second list called by the third, which is in it once, where the first of them was.';
grant execute on function app.rename_words(text[], text[], text) to satchel_request;

-- A draft may stand beside what readers see, and a word is another one for both. Versions stay as they were written.
grant update (tags, version) on app.publication to satchel_request;
