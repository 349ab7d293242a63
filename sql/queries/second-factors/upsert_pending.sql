-- Gives a person a second factor that is to be confirmed, in place of another such one. A confirmed one stays.
-- returns: count
-- scope: tenant
insert into app.second_factor as f (organization_id, user_id, secret)
values (:organization_id, :user_id, :secret)
on conflict (organization_id, user_id) do update set secret = excluded.secret, last_step = 0
where f.confirmed_at is null
