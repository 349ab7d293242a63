-- Lessons whose time has come, the longest overdue first.
-- returns: many
-- scope: tenant
select content_id from app.content
where organization_id = :organization_id and deleted_at is null
  and (publish_at is not null or unpublish_at is not null) and least(publish_at, unpublish_at) <= now()
order by least(publish_at, unpublish_at)
limit :limit::int
