-- How many gave each number of stars to each of some lessons.
-- returns: many
-- scope: tenant
select content_id, stars, count(*)::int as ratings
from app.rating
where organization_id = :organization_id and content_id = any(:content_ids::uuid[]) and deleted_at is null
group by content_id, stars
order by content_id, stars
