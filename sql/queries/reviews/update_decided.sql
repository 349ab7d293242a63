-- Answers the request that a lesson waits for.
-- returns: count
-- scope: tenant
-- nullable: :reason
update app.review
set state = :state, reason = :reason, decided_at = now(), decided_by_id = app.actor()
where organization_id = :organization_id and content_id = :content_id and state = 'pending'
