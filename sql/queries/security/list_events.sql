-- Locks of logins and their ends, newest first.
-- returns: many
-- scope: tenant
-- nullable: :before_id
select security_event_id, kind, door, user_id, known_device, attempts, locked_until, created_at
from app.security_event
where organization_id = :organization_id
  and (:before_id::uuid is null or security_event_id < :before_id)
order by security_event_id desc
limit :limit::int
