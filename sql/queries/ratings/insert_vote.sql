-- Says that somebody found a review helpful. Saying so twice changes nothing.
-- returns: count
-- scope: tenant
insert into app.helpful_vote (organization_id, rating_id, user_id)
values (:organization_id, :rating_id, :user_id)
on conflict (organization_id, rating_id, user_id) do nothing
