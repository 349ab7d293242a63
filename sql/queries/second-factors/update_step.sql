-- Uses a code up: no row when it, or a later one, has been used. Of two that race one gets the row.
-- returns: count
-- scope: tenant
update app.second_factor set last_step = :step
where organization_id = :organization_id and user_id = :user_id and confirmed_at is not null and last_step < :step
