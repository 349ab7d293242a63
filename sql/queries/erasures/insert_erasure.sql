-- Asks for the erasure of a person, unless it was asked for before. From a ledger, when it was asked for there.
-- returns: count
-- scope: tenant
-- nullable: :requested_at
insert into app.erasure (organization_id, erasure_id, user_id, requested_at)
values (:organization_id, :erasure_id, :user_id, coalesce(:requested_at, now()))
on conflict (organization_id, user_id) do nothing
