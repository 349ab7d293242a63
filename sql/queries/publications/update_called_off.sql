-- Calls off the publication of a lesson whose time has come.
-- returns: count
-- scope: tenant
update app.content
set publish_at = null
where organization_id = :organization_id and content_id = :content_id and publish_at <= now()
