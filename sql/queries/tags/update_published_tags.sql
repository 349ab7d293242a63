-- Renames tags in what readers see of lessons that are held, where a draft stands beside it: elsewhere it has followed.
-- returns: count
-- scope: tenant
update app.publication p
set tags = app.rename_words(p.tags, :from_words::text[], :to_word), version = c.version
from app.content c
where p.organization_id = :organization_id and p.content_id = any (:content_ids::uuid[]) and p.deleted_at is null
  and p.tags && :from_words::text[]
  and c.organization_id = p.organization_id and c.content_id = p.content_id
