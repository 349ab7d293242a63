-- Says that a person has completed a lesson. Who has said so before is given what was there.
-- returns: one
-- scope: tenant
insert into app.completion as c (organization_id, completion_id, content_id, user_id)
values (:organization_id, :completion_id, :content_id, :user_id)
-- It changes nothing, but `do nothing` would give no row.
on conflict (organization_id, content_id, user_id) do update set completion_id = c.completion_id
returning completion_id, content_id, user_id, created_at
