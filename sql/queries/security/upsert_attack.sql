-- Opens an attack, or carries on with the one that is open in the same place or at the same person.
-- returns: one
-- scope: tenant
-- nullable: :network, :user_id
insert into app.attack as a (
  organization_id, attack_id, kind, network, user_id, accounts, attempts, first_seen_at, last_seen_at
) values (
  :organization_id, :attack_id, :kind, :network, :user_id, :accounts, :attempts, :first_seen_at, :last_seen_at
)
on conflict (organization_id, network, user_id) where ended_at is null do update
set
  kind = case when a.kind = 'enumeration' then excluded.kind else a.kind end,
  accounts = greatest(a.accounts, excluded.accounts),
  attempts = greatest(a.attempts, excluded.attempts),
  last_seen_at = greatest(a.last_seen_at, excluded.last_seen_at)
returning a.attack_id
