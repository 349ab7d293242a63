-- Of these lessons those whose review somebody other than a person was asked for.
-- returns: many
-- scope: tenant
select content_id from app.review
where organization_id = :organization_id and content_id = any(:content_ids::uuid[]) and state = 'pending'
  and reviewer_id <> :user_id
