-- Tags of live lessons, with how many carry each, and of how many readers see it. Goes from one tag to the next in an
-- index, instead of through all the lessons. `:staff`: also what readers do not see.
-- returns: many
-- scope: tenant
-- nullable: :prefix, :after
-- not null: tag, lessons, published
with recursive name (tag) as (
  select least(
    (select t.tag from app.content_listing_tag t
     where t.organization_id = :organization_id and t.audience = 'readers' and (:after::text is null or t.tag > :after)
     order by t.tag limit 1),
    (select t.tag from app.content_listing_tag t
     where :staff::boolean and t.organization_id = :organization_id and t.audience = 'staff'
       and (:after::text is null or t.tag > :after)
     order by t.tag limit 1)
  )
  union all
  select least(
    (select t.tag from app.content_listing_tag t
     where t.organization_id = :organization_id and t.audience = 'readers' and t.tag > name.tag
     order by t.tag limit 1),
    (select t.tag from app.content_listing_tag t
     where :staff::boolean and t.organization_id = :organization_id and t.audience = 'staff' and t.tag > name.tag
     order by t.tag limit 1)
  )
  from name
  where name.tag is not null
), page as materialized (
  select name.tag
  from name
  where name.tag is not null and (:prefix::text is null or starts_with(app.fold(name.tag), app.fold(:prefix)))
    and exists (
      select from app.content_listing_tag t
      join app.content_listing l
        on l.organization_id = t.organization_id and l.content_id = t.content_id and l.audience = t.audience and l.live
      where t.organization_id = :organization_id and t.tag = name.tag and (:staff::boolean or t.audience = 'readers')
    )
  order by name.tag
  limit :limit::int
)
select page.tag, counts.lessons, counts.published
from page
cross join lateral (
  select (count(*) filter (where t.audience = 'staff'))::int as lessons,
    (count(*) filter (where t.audience = 'readers'))::int as published
  from app.content_listing_tag t
  join app.content_listing l
    on l.organization_id = t.organization_id and l.content_id = t.content_id and l.audience = t.audience and l.live
  where t.organization_id = :organization_id and t.tag = page.tag and (:staff::boolean or t.audience = 'readers')
) counts
order by page.tag
