-- A success gives back the attempts up to its own and no later one, and lifts the lock if too few remain for it. What
-- remains of the locks before it is the one that holds.
-- returns: count
-- scope: tenant
update app.login_guard
set
  forgiven_sequence = greatest(forgiven_sequence, :sequence),
  success_sequence = greatest(success_sequence, :sequence),
  turned_away = 0,
  locks = case
    when sequence - greatest(forgiven_sequence, :sequence) < :attempts_allowed::int then 0 else least(locks, 1)
  end,
  locked_until = case
    when sequence - greatest(forgiven_sequence, :sequence) < :attempts_allowed::int then null else locked_until
  end
where organization_id = :organization_id and guard_key = :guard_key and bucket = :bucket
