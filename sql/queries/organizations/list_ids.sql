-- Organizations in the order of their ids, a page at a time.
-- returns: many
-- scope: system
-- nullable: :after_id
select organization_id
from app.organization
where :after_id::uuid is null or organization_id > :after_id
order by organization_id
limit :limit::int
