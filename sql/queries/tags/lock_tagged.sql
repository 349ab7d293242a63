-- Live lessons with one of some tags, in what staff write or in what readers see, in the order of their ids, held until
-- the transaction ends.
-- returns: many
-- scope: tenant
-- nullable: :after_id
select c.content_id, p.content_id is not null as published
from app.content c
left join app.publication p
  on p.organization_id = c.organization_id and p.content_id = c.content_id and p.deleted_at is null
where c.organization_id = :organization_id and c.deleted_at is null
  and (:after_id::uuid is null or c.content_id > :after_id)
  and (c.tags && :from_words::text[] or p.tags && :from_words::text[])
order by c.content_id
limit :limit::int
for update of c
