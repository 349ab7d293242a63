-- Ends the open links of this kind of these people.
-- returns: count
-- scope: tenant
update app.link set ended_at = now()
where organization_id = :organization_id and user_id = any(:user_ids::uuid[]) and kind = :kind
  and consumed_at is null and ended_at is null
