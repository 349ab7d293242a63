-- Adds a comment.
-- returns: count
-- scope: tenant
-- nullable: :parent_id
insert into app.comment (organization_id, comment_id, content_id, parent_id, author_id, body, state)
values (:organization_id, :comment_id, :content_id, :parent_id, :author_id, :body, :state)
