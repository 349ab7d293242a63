-- Mail that failed and could be sent again, oldest first.
-- returns: many
-- scope: tenant
-- nullable: :after_id
select mail_id from app.mail
where organization_id = :organization_id and state = 'failed' and (expires_at is null or expires_at > now())
  and (:after_id::uuid is null or mail_id > :after_id)
order by mail_id
limit :limit::int
