-- As list_newest, by how many agree and then newest first.
-- returns: many
-- scope: tenant
-- nullable: :beyond_upvotes, :beyond_id
select s.comment_id, s.upvotes
from app.comment_score s
join app.comment c on c.organization_id = s.organization_id and c.comment_id = s.comment_id
where s.organization_id = :organization_id and s.under_id = :under_id
  and (:beyond_id::uuid is null or (s.upvotes, s.comment_id) < (:beyond_upvotes::int, :beyond_id))
  and (
    (c.deleted_at is null and c.body is not null and (c.state = 'approved' or :unapproved::boolean or c.author_id = :reader_id))
    or app.count_replies(c.organization_id, c.content_id, c.path) > 0
  )
order by s.upvotes desc, s.comment_id desc
limit :limit::int
