-- One version of a lesson that is not deleted, whole: by its number, or the latest, or the one that readers see.
-- returns: maybe
-- scope: tenant
-- nullable: :number, :which
-- not null: is_latest, is_live
select v.content_id, v.number, v.title, v.created_at, v.created_by_id, v.restored_from_number,
  v.number = c.latest_number as is_latest, v.number is not distinct from c.live_number as is_live, v.slug, v.description,
  v.body, v.content_type, v.difficulty_level, v.language, v.tags, v.prerequisites, v.learning_objectives, v.metadata,
  v.settings, v.estimated_duration_minutes
from app.content c
join app.content_version v
  on v.organization_id = c.organization_id and v.content_id = c.content_id
  and v.number = case :which::text when 'latest' then c.latest_number when 'live' then c.live_number else :number end
where c.organization_id = :organization_id and c.content_id = :content_id and c.deleted_at is null
