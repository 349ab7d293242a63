-- What a job has already done. The queue delivers at least once; the marker, written in the transaction of the effect,
-- makes a second delivery do nothing.

create table app.effect (
  like template.tenant,
  job_id uuid not null,
  step text not null constraint effect_step_length check (char_length(step) between 1 and 100),
  created_at timestamptz not null default now(),
  constraint effect_pkey primary key (organization_id, job_id, step)
);
comment on table app.effect is 'Steps of jobs whose effect is stored.';
create index effect_created on app.effect (organization_id, created_at);
call app.protect('app.effect');
call app.tag('app.effect', 'none', 'job_id', 'step');
grant select, insert, delete on app.effect to satchel_request;
