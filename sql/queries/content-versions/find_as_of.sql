-- The text that was a lesson's latest at a moment, in whole milliseconds as moments travel, and until when. A deleted lesson
-- has none.
-- returns: maybe
-- scope: tenant
select v.content_id, v.number, v.title, v.slug, v.description, v.body, v.content_type, v.difficulty_level, v.language, v.tags,
  v.prerequisites, v.learning_objectives, v.metadata, v.settings, v.estimated_duration_minutes, v.created_at as since,
  (
    select n.created_at from app.content_version n
    where n.organization_id = v.organization_id and n.content_id = v.content_id and n.number = v.number + 1
  ) as until
from app.content c
join app.content_version v on v.organization_id = c.organization_id and v.content_id = c.content_id
where c.organization_id = :organization_id and c.content_id = :content_id and c.deleted_at is null
  and date_trunc('milliseconds', v.created_at) <= :at::timestamptz
order by v.number desc
limit 1
