-- Does to a lesson what its time has come for, if it still has: of two who try, the second finds it done. One whose last
-- time has come as well is not shown any more.
-- returns: maybe
-- scope: tenant
update app.content
set status = case when unpublish_at <= now() then case status when 'published' then 'draft' else status end else 'published' end,
  published_at = case when unpublish_at <= now() then null else coalesce(published_at, now()) end,
  publish_at = null,
  unpublish_at = case when unpublish_at <= now() then null else unpublish_at end
where organization_id = :organization_id and content_id = :content_id and deleted_at is null
  and (publish_at is not null or unpublish_at is not null) and least(publish_at, unpublish_at) <= now()
returning content_id, live_number
