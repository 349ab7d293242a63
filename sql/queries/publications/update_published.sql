-- Shows the texts of lessons to readers, all at once. Who publishes what nobody has approved is its reviewer.
-- returns: many
-- scope: tenant
update app.content
set status = 'published', published_at = coalesce(published_at, now()),
  reviewed_at = case when status = 'approved' then reviewed_at else now() end,
  reviewed_by_id = case when status = 'approved' then reviewed_by_id else app.actor() end
where organization_id = :organization_id and content_id = any(:content_ids::uuid[]) and deleted_at is null
returning content_id, version, live_number
