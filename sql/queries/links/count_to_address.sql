-- How many links to confirm an address were made for this one within the last hour, whoever gave it.
-- returns: one
-- scope: tenant
select count(*)::int as count from app.link
where organization_id = :organization_id and lower(email) = lower(:email) and kind = 'verification'
  and created_at > now() - interval '1 hour'
