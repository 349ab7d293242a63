-- Changes of one row, newest first.
-- returns: many
-- scope: tenant
-- nullable: :before_id
select history_id, version, action, actor_id, before, after, created_at
from app.history
where organization_id = :organization_id and table_name = :table_name and row_id = :row_id
  and (:before_id::uuid is null or history_id < :before_id)
order by history_id desc
limit :limit::int
