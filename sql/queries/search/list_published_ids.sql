-- Lessons that readers see, in the order of their ids, a page at a time.
-- returns: many
-- scope: tenant
-- nullable: :after_id
select content_id from app.publication
where organization_id = :organization_id and deleted_at is null
  and (:after_id::uuid is null or content_id > :after_id)
order by content_id
limit :limit::int
