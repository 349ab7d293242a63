-- Versions of a lesson without their texts, newest first.
-- returns: many
-- scope: tenant
-- nullable: :before_number
-- not null: is_latest, is_live
select v.number, v.title, v.created_at, v.created_by_id, v.restored_from_number, v.number = c.latest_number as is_latest,
  v.number is not distinct from c.live_number as is_live
from app.content_version v
join app.content c on c.organization_id = v.organization_id and c.content_id = v.content_id
where v.organization_id = :organization_id and v.content_id = :content_id
  and (:before_number::integer is null or v.number < :before_number)
order by v.number desc
limit :limit::int
