-- Somebody agrees with a comment; nothing happens when they do already.
-- returns: count
-- scope: tenant
insert into app.comment_upvote (organization_id, comment_id, user_id)
values (:organization_id, :comment_id, :user_id)
on conflict (organization_id, comment_id, user_id) do nothing
