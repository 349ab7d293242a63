-- Who flagged a comment and why, by who they are.
-- returns: many
-- scope: tenant
-- nullable: :after_id
select user_id, reason, flagged_at, resolved_at, resolved_by_id, resolution
from app.comment_flag
where organization_id = :organization_id and comment_id = :comment_id
  and user_id > case when :after_id::uuid is null then '00000000-0000-0000-0000-000000000000' else :after_id::uuid end
order by user_id
limit :limit::int
