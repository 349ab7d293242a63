-- Reserves one attempt: counts it as failed before anything is verified. No row where the bucket is locked. The row
-- lock that the upsert takes makes the decision; attempts that raced for it see each other's count.
-- returns: maybe
-- scope: tenant
-- nullable: :user_id, :ip
insert into app.login_guard as g (
  organization_id, guard_key, bucket, door, user_id, network, sequence, locks, locked_until
) values (
  :organization_id, :guard_key, :bucket, :door, :user_id,
  network(set_masklen(:ip::inet, case family(:ip::inet) when 6 then 64 else 32 end))::inet, 1,
  case when :attempts_allowed::int <= 1 then 1 else 0 end,
  case when :attempts_allowed::int <= 1 then now() + make_interval(mins => (:lock_minutes::int[])[1]) end
)
on conflict (organization_id, guard_key, bucket) do update
set
  sequence = g.sequence + 1,
  user_id = excluded.user_id,
  network = excluded.network,
  -- A lock that has run out gives one attempt: when that fails as well, the next lock begins.
  forgiven_sequence = case
    when g.locked_until is null then g.forgiven_sequence
    else greatest(g.forgiven_sequence, g.sequence + 1 - :attempts_allowed::int)
  end,
  locks = g.locks + case
    when g.locked_until is not null
      or g.sequence + 1 - g.success_sequence >= :attempts_total::int
      or g.sequence + 1 - g.forgiven_sequence >= :attempts_allowed::int then 1
    else 0
  end,
  locked_until = case
    -- So many failures in a row need somebody's help, not time (NIST SP 800-63B-4 §3.2.2). Not 'infinity': no date
    -- in JavaScript can hold that.
    when g.sequence + 1 - g.success_sequence >= :attempts_total::int then '9999-12-31 00:00:00+00'::timestamptz
    when g.locked_until is not null or g.sequence + 1 - g.forgiven_sequence >= :attempts_allowed::int
      then now() + make_interval(mins => (:lock_minutes::int[])[least(g.locks + 1, cardinality(:lock_minutes::int[]))])
  end,
  last_attempt_at = now()
where g.locked_until is null or g.locked_until <= now()
returning g.sequence, g.locked_until is not null as now_locked
