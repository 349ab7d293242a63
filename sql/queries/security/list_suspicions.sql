-- What looks like an attack within the last hour. One place that has tried many logins in vain, in a number that is out
-- of proportion to the people who signed in from there within a day; many logins tried from many places; one person
-- who is locked out again and again. Known devices never count, nor does a failure that a success has followed: a
-- class that mistypes its passwords is no attack.
-- returns: many
-- scope: tenant
-- not null: kind, accounts, attempts, first_seen_at, last_seen_at
with failing as (
  select network, user_id, door, locks, least(sequence - success_sequence + turned_away, 2000000000)::int as attempts,
    last_attempt_at
  from app.login_guard
  where organization_id = :organization_id
    and last_attempt_at > now() - interval '1 hour'
    and octet_length(bucket) = 0
    and sequence > success_sequence
),
arrived as materialized (
  select distinct user_id, ip from app.session
  where organization_id = :organization_id and created_at > now() - interval '1 day' and ip is not null
),
place as (
  select
    network, count(*)::int as accounts, count(*) filter (where user_id is null)::int as unknown,
    least(sum(attempts), 2000000000)::int as attempts,
    min(last_attempt_at) as first_seen_at, max(last_attempt_at) as last_seen_at
  from failing
  where network is not null and door = 'password'
  group by network
  having count(*) >= :accounts_from_one::int
),
suspect as (
  select * from place
  where accounts > :share::float8 * (select count(distinct user_id) from arrived where ip <<= place.network)
),
scattered as (
  select
    count(*)::int as accounts, count(*) filter (where user_id is null)::int as unknown,
    least(sum(attempts), 2000000000)::int as attempts,
    min(last_attempt_at) as first_seen_at, max(last_attempt_at) as last_seen_at
  from failing
  where door = 'password' and not exists (select from suspect where suspect.network = failing.network)
)
select
  case when unknown * 2 > accounts then 'enumeration' else 'spray' end as kind,
  network, null::uuid as user_id, accounts, attempts, first_seen_at, last_seen_at
from suspect
union all
select
  case when unknown * 2 > accounts then 'enumeration' else 'spray' end,
  null, null, accounts, attempts, first_seen_at, last_seen_at
from scattered
where accounts >= :accounts_from_many::int
  and accounts > :share::float8 * (select count(distinct user_id) from arrived)
union all
select 'guessing', null, user_id, 1, least(sum(attempts), 2000000000)::int, min(last_attempt_at), max(last_attempt_at)
from failing
where user_id is not null
group by user_id
having max(locks) >= :locks::int
