-- Puts the words of a rating out of sight, or shows them again. Doing so twice changes nothing.
-- returns: count
-- scope: tenant
update app.rating
set hidden_at = case when :hidden::boolean then now() end,
  hidden_by_id = case when :hidden then app.actor() end
where organization_id = :organization_id and rating_id = :rating_id and deleted_at is null
  and (hidden_at is not null) <> :hidden
