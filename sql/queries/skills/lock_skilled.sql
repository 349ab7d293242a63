-- People who are not deleted and have one of some skills, in the order of their ids, held until the transaction ends.
-- returns: many
-- scope: tenant
-- nullable: :after_id
select u.user_id
from app.user u
join app.profile p on p.organization_id = u.organization_id and p.user_id = u.user_id
where u.organization_id = :organization_id and u.deleted_at is null
  and (:after_id::uuid is null or u.user_id > :after_id)
  and p.skills && :from_words::text[]
order by u.user_id
limit :limit::int
for no key update of u
