-- Who is known to the school's other systems by this id.
-- returns: maybe
-- scope: tenant
select user_id from app.user
where organization_id = :organization_id and external_id = :external_id and deleted_at is null
