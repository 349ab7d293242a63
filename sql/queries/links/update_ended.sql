-- Ends a person's open link of this kind.
-- returns: count
-- scope: tenant
update app.link set ended_at = now()
where organization_id = :organization_id and user_id = :user_id and kind = :kind
  and consumed_at is null and ended_at is null
