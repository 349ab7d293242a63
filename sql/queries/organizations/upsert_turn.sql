-- Remembers the organization a job has come to; none when it has been to all of them.
-- returns: count
-- scope: system
-- nullable: :after_id
insert into app.turn as t (job, after_id)
values (:job, :after_id)
on conflict (job) do update set after_id = excluded.after_id
