-- How many attachments of a lesson are not deleted.
-- returns: one
-- scope: tenant
select count(*)::integer as attachments from app.attachment
where organization_id = :organization_id and content_id = :content_id and deleted_at is null
