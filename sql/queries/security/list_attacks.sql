-- Attacks, the latest begun first; only open or only ended ones where asked for.
-- returns: many
-- scope: tenant
-- nullable: :open, :before_id
select attack_id, kind, network, user_id, accounts, attempts, first_seen_at, last_seen_at, ended_at
from app.attack
where organization_id = :organization_id
  and (:before_id::uuid is null or attack_id < :before_id)
  and (:open::boolean is null or (ended_at is null) = :open)
order by attack_id desc
limit :limit::int
