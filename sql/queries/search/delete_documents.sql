-- Takes lessons out of the index that are no longer published.
-- returns: count
-- scope: tenant
delete from app.content_search s
where s.organization_id = :organization_id
  and s.content_id = any(:content_ids::uuid[])
  and not exists (
    select from app.content c
    where c.organization_id = s.organization_id and c.content_id = s.content_id
      and c.status = 'published' and c.deleted_at is null
  )
