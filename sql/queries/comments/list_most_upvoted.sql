-- As list_newest, by how many agree and then newest first. A case, and not coalesce: under a policy only it may be looked
-- up in the index, and a page deep in the list would read all before it.
-- returns: many
-- scope: tenant
-- nullable: :beyond_upvotes, :beyond_id
select s.comment_id, s.upvotes
from app.comment_score s
join app.comment c on c.organization_id = s.organization_id and c.comment_id = s.comment_id
where s.organization_id = :organization_id and s.under_id = :under_id
  and (s.upvotes, s.comment_id) < (
    case when :beyond_upvotes::int is null then 2147483647 else :beyond_upvotes::int end,
    case when :beyond_id::uuid is null then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else :beyond_id::uuid end
  )
  and (
    (c.deleted_at is null and c.body is not null and (c.state = 'approved' or :unapproved::boolean or c.author_id = :reader_id))
    or app.count_replies(c.organization_id, c.content_id, c.path) > 0
  )
order by s.upvotes desc, s.comment_id desc
limit :limit::int
