-- Removes some rows of a deleted lesson and of all that hangs on it for good: none once the lesson itself is gone.
-- returns: maybe
-- scope: tenant
-- not null: removed
select p.removed from app.purge_content(:content_id, :limit::int) p (removed) where p.removed > 0
