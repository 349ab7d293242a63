-- Uses a link up; no row when it was, has ended or has expired. Of two at once one gets it.
-- returns: maybe
-- scope: tenant
update app.link set consumed_at = now()
where organization_id = :organization_id and link_id = :link_id
  and consumed_at is null and ended_at is null and expires_at > now()
returning email, session_id, mailed
