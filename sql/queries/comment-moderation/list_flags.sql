-- Who flagged a comment and why, by who they are.
-- returns: many
-- scope: tenant
-- nullable: :after_id
select user_id, reason, flagged_at, resolved_at, resolved_by_id, resolution
from app.comment_flag
where organization_id = :organization_id and comment_id = :comment_id
  and (:after_id::uuid is null or user_id > :after_id)
order by user_id
limit :limit::int
