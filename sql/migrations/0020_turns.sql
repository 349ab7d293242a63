-- How far each job has come that goes through all organizations: it goes on there the next time, so that every one of them
-- gets its turn however many there are.
create table app.turn (
  job text not null constraint turn_job_form check (job ~ '^[a-z][a-z-]{0,62}$'),
  -- Null: it begins with the first one.
  after_id uuid,
  like template.timestamps including defaults,
  constraint turn_pkey primary key (job)
);
comment on table app.turn is 'The organization each round of a job has come to.';
call app.tag('app.turn', 'none', 'job', 'after_id', 'created_at', 'updated_at');
call app.keep_time('app.turn');
grant select, insert, update on app.turn to satchel_system;
