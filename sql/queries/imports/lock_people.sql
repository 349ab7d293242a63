-- The people who are known by these external ids, held until the transaction ends. Always in one order: two imports of
-- one file must not wait for each other.
-- returns: many
-- scope: tenant
-- not null: external_id
select user_id, external_id, email, username, full_name, role, status, language, time_zone
from app.user
where organization_id = :organization_id and external_id = any(:external_ids::text[]) and deleted_at is null
order by external_id
for no key update
