-- Sets what the entered organization is allowed. Null lifts a limit.
-- returns: one
-- scope: tenant
-- nullable: :people, :storage_bytes, :requests_per_minute
insert into app.quota as q (organization_id, people, storage_bytes, requests_per_minute)
values (:organization_id, :people, :storage_bytes, :requests_per_minute)
on conflict (organization_id) do update
set people = excluded.people, storage_bytes = excluded.storage_bytes, requests_per_minute = excluded.requests_per_minute
returning people, storage_bytes, requests_per_minute
