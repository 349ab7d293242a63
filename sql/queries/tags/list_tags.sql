-- Tags of live lessons, with how many carry each, and of how many readers see it. Goes from one tag to the next in an
-- index, instead of through all the lessons, and stops at the last of the page. `:staff`: also what readers do not see.
-- returns: many
-- scope: tenant
-- nullable: :prefix, :after
-- not null: tag, lessons, published
with recursive name (tag, fits, found) as (
  select coalesce(:after::text, ''), false, 0
  union all
  select next.tag, next.fits, name.found + next.fits::int
  from name
  cross join lateral (
    select word.tag,
      (:prefix::text is null or starts_with(app.fold(word.tag), app.fold(:prefix)))
      and exists (
        select from app.content_listing_tag t
        join app.content_listing l
          on l.organization_id = t.organization_id and l.content_id = t.content_id and l.audience = t.audience and l.live
        where t.organization_id = :organization_id and t.tag = word.tag
          and t.audience = any (case when :staff::boolean then array['staff', 'readers'] else array['readers'] end)
      ) as fits
    from (
      -- "offset 0": worked out once a row, not once for each use.
      select least(
        (select t.tag from app.content_listing_tag t
         where t.organization_id = :organization_id and t.audience = 'readers' and t.tag > name.tag
         order by t.tag limit 1),
        (select t.tag from app.content_listing_tag t
         where :staff::boolean and t.organization_id = :organization_id and t.audience = 'staff' and t.tag > name.tag
         order by t.tag limit 1)
      ) as tag
      offset 0
    ) word
    where word.tag is not null
    offset 0
  ) next
  where name.found < :limit::int
)
select name.tag, counts.lessons, counts.published
from name
cross join lateral (
  select (count(*) filter (where t.audience = 'staff'))::int as lessons,
    (count(*) filter (where t.audience = 'readers'))::int as published
  from app.content_listing_tag t
  join app.content_listing l
    on l.organization_id = t.organization_id and l.content_id = t.content_id and l.audience = t.audience and l.live
  where t.organization_id = :organization_id and t.tag = name.tag
    and t.audience = any (case when :staff::boolean then array['staff', 'readers'] else array['readers'] end)
) counts
where name.fits
order by name.tag
