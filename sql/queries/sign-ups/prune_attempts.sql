-- Removes counts that count no more.
-- returns: count
-- scope: tenant
delete from app.sign_up_attempt
where (organization_id, network) in (
  select organization_id, network from app.sign_up_attempt
  where organization_id = :organization_id and since < now() - interval '1 hour'
  order by since
  limit :limit::int
  for update skip locked
)
