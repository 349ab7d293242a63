-- Many people at once, from a file: a job works it off batch by batch, and tells of each line what became of it.

create table app.import (
  like template.tenant,
  import_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  requested_by_id uuid default app.actor(),
  -- With which API key, if with one: it has to be good for as long as this is worked off.
  api_key_id uuid,
  -- What was uploaded, until it is worked off: it names everybody, and is of no use afterwards.
  source text constraint import_source_length check (octet_length(source) <= 10485760),
  format text not null constraint import_format check (format in ('csv', 'ndjson')),
  dry_run boolean not null,
  invite boolean not null,
  -- Whoever uploaded it had proved who they are: then roles and e-mail addresses may change.
  proven boolean not null,
  state text not null default 'waiting'
    constraint import_state check (state in ('waiting', 'running', 'finished', 'failed', 'cancelled')),
  failure text constraint import_failure check (
    failure in ('organization_not_active', 'requester_not_allowed', 'api_key_ended', 'not_worked_off')
  ),
  line_count integer not null default 0 constraint import_line_count_counts check (line_count >= 0),
  finished_at timestamptz,
  constraint import_pkey primary key (organization_id, import_id),
  constraint import_finished_whole check (
    (state in ('finished', 'failed', 'cancelled')) = (finished_at is not null)
    and (source is null) = (finished_at is not null)
  ),
  constraint import_failed_whole check ((state = 'failed') = (failure is not null)),
  constraint import_organization_fkey foreign key (organization_id) references app.organization,
  constraint import_requested_by_fkey foreign key (organization_id, requested_by_id) references app.user
    on delete set null (requested_by_id),
  constraint import_api_key_fkey foreign key (organization_id, api_key_id) references app.api_key
    on delete set null (api_key_id)
);
comment on table app.import is 'A file of people, how it is to be read, and how far it is worked off.';
-- One at a time: a second one would wait for the rows of the first, and files of ten megabytes must not pile up.
create unique index import_under_way on app.import (organization_id) where finished_at is null;
create index import_requested_by on app.import (organization_id, requested_by_id);
create index import_api_key on app.import (organization_id, api_key_id);
call app.protect('app.import');
call app.keep_time('app.import');
-- Of many people at once: gone when it is worked off, at the latest a day later.
call app.tag('app.import', 'personal, reference', 'requested_by_id');
call app.tag('app.import', 'personal, expires', 'source');
call app.tag(
  'app.import', 'none', 'import_id', 'api_key_id', 'format', 'dry_run', 'invite', 'proven', 'state', 'failure',
  'line_count', 'finished_at'
);
grant select, insert, update, delete on app.import to satchel_request;

create table app.import_line (
  like template.tenant,
  import_id uuid not null,
  line integer not null constraint import_line_from_one check (line >= 1),
  like template.timestamps including defaults,
  outcome text not null
    constraint import_line_outcome check (outcome in ('created', 'changed', 'unchanged', 'refused')),
  external_id text constraint import_line_external_id_length check (char_length(external_id) <= 200),
  user_id uuid,
  -- Why it was refused: the slug of the refusal, and what is wrong. Never what was given.
  reason text constraint import_line_reason_form check (reason ~ '^[a-z][a-z0-9_]*$'),
  detail text constraint import_line_detail_length check (char_length(detail) <= 500),
  constraint import_line_pkey primary key (organization_id, import_id, line),
  constraint import_line_refused_whole check ((outcome = 'refused') = (reason is not null)),
  constraint import_line_import_fkey foreign key (organization_id, import_id) references app.import on delete cascade,
  constraint import_line_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.import_line is 'What became of each line of an import.';
create index import_line_outcome on app.import_line (organization_id, import_id, outcome, line);
create index import_line_user on app.import_line (organization_id, user_id);
call app.protect('app.import_line');
call app.keep_time('app.import_line');
call app.tag('app.import_line', 'personal, row', 'user_id');
call app.tag('app.import_line', 'personal', 'external_id');
call app.tag('app.import_line', 'none', 'import_id', 'line', 'outcome', 'reason', 'detail');
grant select, insert, update, delete on app.import_line to satchel_request;
