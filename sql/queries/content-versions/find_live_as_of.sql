-- The text of a lesson that readers saw at a moment, in whole milliseconds as moments travel, from when until when. A deleted
-- lesson has none, and for readers neither has one of which nothing is live today.
-- returns: maybe
-- scope: tenant
select v.content_id, v.number, v.title, v.slug, v.description, v.body, v.content_type, v.difficulty_level, v.language, v.tags,
  v.prerequisites, v.learning_objectives, v.metadata, v.settings, v.estimated_duration_minutes, p.published_at as since,
  p.ended_at as until
from app.content c
join app.publication_period p on p.organization_id = c.organization_id and p.content_id = c.content_id
join app.content_version v
  on v.organization_id = p.organization_id and v.content_id = p.content_id and v.number = p.number
where c.organization_id = :organization_id and c.content_id = :content_id and c.deleted_at is null
  and (not :live_today::boolean or c.live_number is not null)
  and date_trunc('milliseconds', p.published_at) <= :at::timestamptz
  and (p.ended_at is null or date_trunc('milliseconds', p.ended_at) > :at::timestamptz)
order by p.published_at desc
limit 1
