-- Counts that a person reads a lesson, unless this hour is counted already: 1 or 0.
-- returns: count
-- scope: tenant
-- nullable: :now
insert into app.content_view as v (organization_id, content_id, user_id, last_hour)
values (:organization_id, :content_id, :user_id, date_bin('1 hour', coalesce(:now::timestamptz, now()), '2000-01-01 00:00:00+00'))
on conflict (organization_id, content_id, user_id) do update
  set views = v.views + 1, last_hour = excluded.last_hour
  where v.last_hour < excluded.last_hour
