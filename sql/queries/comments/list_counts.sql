-- How many comments everybody sees of each of these lessons; one without any is not among them.
-- returns: many
-- scope: tenant
select content_id, count(*)::int as comments
from app.comment
where organization_id = :organization_id and content_id = any(:content_ids::uuid[])
  and deleted_at is null and state = 'approved' and body is not null
group by content_id
order by content_id
