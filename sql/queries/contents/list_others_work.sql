-- Of these lessons those whose latest version somebody other than a person has written.
-- returns: many
-- scope: tenant
select c.content_id from app.content c
join app.content_version v
  on v.organization_id = c.organization_id and v.content_id = c.content_id and v.number = c.latest_number
where c.organization_id = :organization_id and c.content_id = any(:content_ids::uuid[])
  and v.created_by_id is distinct from :user_id::uuid
