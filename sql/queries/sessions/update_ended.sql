-- Ends one live session of a person.
-- returns: count
-- scope: tenant
update app.session set ended_at = now(), end_reason = :reason
where organization_id = :organization_id and user_id = :user_id and session_id = :session_id
  and ended_at is null and expires_at > now()
