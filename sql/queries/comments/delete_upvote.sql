-- Somebody no longer agrees with a comment.
-- returns: count
-- scope: tenant
delete from app.comment_upvote
where organization_id = :organization_id and comment_id = :comment_id and user_id = :user_id
