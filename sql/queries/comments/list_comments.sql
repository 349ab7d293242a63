-- Comments by their ids, whole, with what others made of them and whether the reader agrees; also deleted ones.
-- returns: many
-- scope: tenant
-- not null: replies, flags
select c.comment_id, c.content_id, c.parent_id, c.author_id, c.body, c.state, c.edited_at, c.version, c.created_at,
  c.deleted_at, s.upvotes, app.count_replies(c.organization_id, c.content_id, c.path) as replies,
  exists (
    select from app.comment_upvote u
    where u.organization_id = :organization_id and u.comment_id = c.comment_id and u.user_id = :reader_id
  ) as upvoted,
  (
    select count(*)::int from app.comment_flag f
    where f.organization_id = :organization_id and f.comment_id = c.comment_id and f.resolved_at is null
  ) as flags
from app.comment c
join app.comment_score s on s.organization_id = c.organization_id and s.comment_id = c.comment_id
where c.organization_id = :organization_id and c.comment_id = any(:comment_ids::uuid[])
order by c.comment_id
