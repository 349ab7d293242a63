-- Takes lessons out of the index that readers no longer see.
-- returns: count
-- scope: tenant
delete from app.content_search s
where s.organization_id = :organization_id
  and s.content_id = any(:content_ids::uuid[])
  and not exists (
    select from app.publication p
    where p.organization_id = s.organization_id and p.content_id = s.content_id and p.deleted_at is null
  )
