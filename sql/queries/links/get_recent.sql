-- How many links of a kind a person was mailed in the last hour, and how many were asked for from a network.
-- returns: one
-- scope: tenant
-- nullable: :ip
-- not null: person, network
select
  (select count(*)::int from app.link
    where organization_id = :organization_id and user_id = :user_id and kind = :kind
      and created_at > now() - interval '1 hour') as person,
  (select count(*)::int from app.link
    where organization_id = :organization_id
      and network = network(set_masklen(:ip::inet, case family(:ip::inet) when 6 then 64 else 32 end))::inet
      and created_at > now() - interval '1 hour') as network
