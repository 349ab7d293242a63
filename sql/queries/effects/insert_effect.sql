-- Marks a step of a job as done, unless it is already.
-- returns: count
-- scope: tenant
insert into app.effect (organization_id, job_id, step)
values (app.org(), :job_id, :step)
on conflict on constraint effect_pkey do nothing
