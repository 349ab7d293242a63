-- Erasures, the latest first.
-- returns: many
-- scope: tenant
-- nullable: :before_id
select erasure_id, user_id, requested_by_id, requested_at, started_at, finished_at from app.erasure
where organization_id = :organization_id and (:before_id::uuid is null or erasure_id < :before_id)
order by erasure_id desc
limit :limit::int
