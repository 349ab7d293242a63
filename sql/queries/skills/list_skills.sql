-- Skills of the people who are not deleted, with how many have each, in the order of their characters.
-- returns: many
-- scope: tenant
-- nullable: :prefix, :after
-- not null: skill
select w.skill, count(*)::int as people
from app.profile p
join app.user u on u.organization_id = p.organization_id and u.user_id = p.user_id and u.deleted_at is null
cross join lateral (select distinct s.skill collate "C" as skill from unnest(p.skills) s (skill)) w
where p.organization_id = :organization_id
  and (:prefix::text is null or starts_with(app.fold(w.skill), app.fold(:prefix)))
  and (:after::text is null or w.skill > :after)
group by w.skill
order by w.skill
limit :limit::int
