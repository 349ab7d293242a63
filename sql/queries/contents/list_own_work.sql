-- Of these lessons those of which a person has written a version after the one that readers see.
-- returns: many
-- scope: tenant
select c.content_id from app.content c
where c.organization_id = :organization_id and c.content_id = any(:content_ids::uuid[])
  and exists (
    select from app.content_version v
    where v.organization_id = c.organization_id and v.content_id = c.content_id
      and v.number > coalesce(c.live_number, 0) and v.created_by_id = :user_id
  )
