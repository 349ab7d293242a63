-- Changes of one row, newest first: as many as fit into so many bytes, and one however long. With whether an older one follows.
-- returns: many
-- scope: tenant
-- not null: followed
-- nullable: :before_id
select history_id, version, action, actor_id, before, after, created_at, followed
from (
  select page.*, lead(history_id) over newest_first is not null as followed, row_number() over newest_first as number,
    sum(coalesce(octet_length(before::text), 0) + coalesce(octet_length(after::text), 0)) over newest_first as bytes
  from (
    select history_id, version, action, actor_id, before, after, created_at
    from app.history
    where organization_id = :organization_id and table_name = :table_name and row_id = :row_id
      and (:before_id::uuid is null or history_id < :before_id)
    order by history_id desc
    limit :limit::int + 1
  ) page
  window newest_first as (order by history_id desc)
) counted
where number <= :limit::int and (number = 1 or bytes <= :most_bytes::int)
order by history_id desc
