-- How often a lesson was read, by how many, and how many have completed it.
-- returns: one
-- scope: tenant
-- not null: views, viewers, completions
select (coalesce(t.views, 0) + v.views)::bigint as views, coalesce(t.viewers, 0) + v.viewers as viewers, c.completions
from (
  select coalesce(sum(views), 0) as views, count(*) as viewers from app.content_view
  where organization_id = :organization_id and content_id = :content_id
) v
cross join (
  select count(*) as completions from app.completion
  where organization_id = :organization_id and content_id = :content_id
) c
left join app.content_tally t on t.organization_id = :organization_id and t.content_id = :content_id
