-- Gives one reserved attempt back whose secret was never looked at, and lifts the lock if too few remain for it.
-- returns: count
-- scope: tenant
update app.login_guard
set
  forgiven_sequence = least(sequence, forgiven_sequence + 1),
  success_sequence = least(sequence, success_sequence + 1),
  locks = case
    when locked_until is not null and sequence - least(sequence, forgiven_sequence + 1) < :attempts_allowed::int
      then greatest(locks - 1, 0)
    else locks
  end,
  locked_until = case
    when sequence - least(sequence, forgiven_sequence + 1) < :attempts_allowed::int then null else locked_until
  end
where organization_id = :organization_id and guard_key = :guard_key and bucket = :bucket
  and forgiven_sequence < :sequence
