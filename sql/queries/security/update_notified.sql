-- Takes it on to tell the admins of an attack: at first sight, and again after an hour in which it went on.
-- returns: count
-- scope: tenant
update app.attack
set notified_at = now()
where organization_id = :organization_id and attack_id = :attack_id
  and (notified_at is null or (notified_at < now() - interval '1 hour' and last_seen_at > notified_at))
