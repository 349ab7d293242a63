-- Ends every live session of a person, but for one if it is named.
-- returns: count
-- scope: tenant
-- nullable: :except_id
update app.session set ended_at = now(), end_reason = :reason
where organization_id = :organization_id and user_id = :user_id
  and ended_at is null
  and (:except_id::uuid is null or session_id <> :except_id)
