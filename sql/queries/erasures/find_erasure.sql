-- How far the erasure of a person is; none when it was never asked for.
-- returns: maybe
-- scope: tenant
select erasure_id, user_id, requested_by_id, requested_at, started_at, finished_at from app.erasure
where organization_id = :organization_id and user_id = :user_id
