-- The first replies of each of several comments, oldest first, as list_oldest gives them.
-- returns: many
-- scope: tenant
-- not null: parent_id
select p.comment_id as parent_id, r.comment_id
from unnest(:parent_ids::uuid[]) as p (comment_id)
cross join lateral (
  select c.comment_id from app.comment c
  where c.organization_id = :organization_id and c.under_id = p.comment_id
    and (
      (c.deleted_at is null and c.body is not null and (c.state = 'approved' or :unapproved::boolean or c.author_id = :reader_id))
      or app.count_replies(c.organization_id, c.content_id, c.path) > 0
    )
  order by c.comment_id
  limit :each::int
) r
order by r.comment_id
