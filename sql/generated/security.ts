// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, many, one } from "../tx.ts";

export interface InsertEventParams {
  readonly organizationId: string;
  readonly kind: string;
  readonly door: string;
  readonly userId: string | null;
  readonly knownDevice: boolean;
  readonly attempts: number;
  readonly lockedUntil: Date | null;
}

const insertEventStatement: Statement = {
  name: "security/insert_event",
  text: `insert /* security/insert_event */ into app.security_event (organization_id, kind, door, user_id, known_device, attempts, locked_until)
values ($1, $2, $3, $4, $5, $6, $7)`,
};

/** Records a lock of a login, or its end. */
export function insertEvent(tx: TenantTx, params: InsertEventParams): Promise<number> {
  return count(tx, insertEventStatement, [
    params.organizationId,
    params.kind,
    params.door,
    params.userId,
    params.knownDevice,
    params.attempts,
    params.lockedUntil,
  ]);
}

export interface ListAdminsParams {
  readonly organizationId: string;
  readonly limit: number;
}

export interface ListAdminsRow {
  readonly userId: string;
}

const listAdminsStatement: Statement = {
  name: "security/list_admins",
  text: `select /* security/list_admins */ user_id from app.user
where organization_id = $1 and role = 'admin' and status = 'active' and deleted_at is null
order by user_id
limit $2::int`,
};

/** Who is told of attacks: the active admins, so many at most. */
export function listAdmins(tx: TenantTx, params: ListAdminsParams): Promise<readonly ListAdminsRow[]> {
  return many<ListAdminsRow>(tx, listAdminsStatement, [params.organizationId, params.limit]);
}

export interface ListAttacksParams {
  readonly organizationId: string;
  readonly beforeId: string | null;
  readonly open: boolean | null;
  readonly limit: number;
}

export interface ListAttacksRow {
  readonly attackId: string;
  readonly kind: "spray" | "enumeration" | "guessing";
  readonly network: string | null;
  readonly userId: string | null;
  readonly accounts: number;
  readonly attempts: number;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
  readonly endedAt: Date | null;
}

const listAttacksStatement: Statement = {
  name: "security/list_attacks",
  text: `select /* security/list_attacks */ attack_id, kind, network, user_id, accounts, attempts, first_seen_at, last_seen_at, ended_at
from app.attack
where organization_id = $1
  and ($2::uuid is null or attack_id < $2)
  and ($3::boolean is null or (ended_at is null) = $3)
order by attack_id desc
limit $4::int`,
};

/** Attacks, the latest begun first; only open or only ended ones where asked for. */
export function listAttacks(tx: TenantTx, params: ListAttacksParams): Promise<readonly ListAttacksRow[]> {
  return many<ListAttacksRow>(tx, listAttacksStatement, [
    params.organizationId,
    params.beforeId,
    params.open,
    params.limit,
  ]);
}

export interface ListEventsParams {
  readonly organizationId: string;
  readonly beforeId: string | null;
  readonly limit: number;
}

export interface ListEventsRow {
  readonly securityEventId: string;
  readonly kind: "login_locked" | "login_unlocked";
  readonly door: "password" | "second_factor" | "recovery_code" | "reset" | "invitation";
  readonly userId: string | null;
  readonly knownDevice: boolean;
  readonly attempts: number;
  readonly lockedUntil: Date | null;
  readonly createdAt: Date;
}

const listEventsStatement: Statement = {
  name: "security/list_events",
  text: `select /* security/list_events */ security_event_id, kind, door, user_id, known_device, attempts, locked_until, created_at
from app.security_event
where organization_id = $1
  and ($2::uuid is null or security_event_id < $2)
order by security_event_id desc
limit $3::int`,
};

/** Locks of logins and their ends, newest first. */
export function listEvents(tx: TenantTx, params: ListEventsParams): Promise<readonly ListEventsRow[]> {
  return many<ListEventsRow>(tx, listEventsStatement, [params.organizationId, params.beforeId, params.limit]);
}

export interface ListSuspicionsParams {
  readonly organizationId: string;
  readonly accountsFromOne: number;
  readonly share: number;
  readonly accountsFromMany: number;
  readonly locks: number;
}

export interface ListSuspicionsRow {
  readonly kind: string;
  readonly network: string | null;
  readonly userId: string | null;
  readonly accounts: number;
  readonly attempts: number;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
}

const listSuspicionsStatement: Statement = {
  name: "security/list_suspicions",
  text: `with /* security/list_suspicions */ failing as (
  select network, user_id, door, locks, least(sequence - success_sequence + turned_away, 2000000000)::int as attempts,
    last_attempt_at
  from app.login_guard
  where organization_id = $1
    and last_attempt_at > now() - interval '1 hour'
    and octet_length(bucket) = 0
    and sequence > success_sequence
),
arrived as materialized (
  select distinct user_id, ip from app.session
  where organization_id = $1 and created_at > now() - interval '1 day' and ip is not null
),
place as (
  select
    network, count(*)::int as accounts, count(*) filter (where user_id is null)::int as unknown,
    least(sum(attempts), 2000000000)::int as attempts,
    min(last_attempt_at) as first_seen_at, max(last_attempt_at) as last_seen_at
  from failing
  where network is not null and door = 'password'
  group by network
  having count(*) >= $2::int
),
suspect as (
  select * from place
  where accounts > $3::float8 * (select count(distinct user_id) from arrived where ip <<= place.network)
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
where accounts >= $4::int
  and accounts > $3::float8 * (select count(distinct user_id) from arrived)
union all
select 'guessing', null, user_id, 1, least(sum(attempts), 2000000000)::int, min(last_attempt_at), max(last_attempt_at)
from failing
where user_id is not null
group by user_id
having max(locks) >= $5::int`,
};

/**
 * What looks like an attack within the last hour. One place that has tried many logins in vain, in a number that is out
 * of proportion to the people who signed in from there within a day; many logins tried from many places; one person
 * who is locked out again and again. Known devices never count, nor does a failure that a success has followed: a
 * class that mistypes its passwords is no attack.
 */
export function listSuspicions(
  tx: TenantTx,
  params: ListSuspicionsParams,
): Promise<readonly ListSuspicionsRow[]> {
  return many<ListSuspicionsRow>(tx, listSuspicionsStatement, [
    params.organizationId,
    params.accountsFromOne,
    params.share,
    params.accountsFromMany,
    params.locks,
  ]);
}

export interface PruneAttacksParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneAttacksStatement: Statement = {
  name: "security/prune_attacks",
  text: `with /* security/prune_attacks */ old as materialized (
  select attack_id from app.attack
  where organization_id = $1 and ended_at < now() - interval '90 days'
  order by ended_at
  limit $2::int
  for update skip locked
)
delete from app.attack a
using old
where a.organization_id = $1 and a.attack_id = old.attack_id`,
};

/** Removes, at most so many at a time, attacks that ended ninety days ago. */
export function pruneAttacks(tx: TenantTx, params: PruneAttacksParams): Promise<number> {
  return count(tx, pruneAttacksStatement, [params.organizationId, params.limit]);
}

export interface PruneEventsParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneEventsStatement: Statement = {
  name: "security/prune_events",
  text: `with /* security/prune_events */ oldest as materialized (
  select security_event_id from app.security_event
  where organization_id = $1
  order by security_event_id
  limit $2::int
)
delete from app.security_event e
using oldest
where e.organization_id = $1 and e.security_event_id = oldest.security_event_id
  and e.created_at < now() - interval '90 days'`,
};

/** Removes, at most so many at a time, locks and their ends of ninety days ago. Ids are in the order of time. */
export function pruneEvents(tx: TenantTx, params: PruneEventsParams): Promise<number> {
  return count(tx, pruneEventsStatement, [params.organizationId, params.limit]);
}

export interface UpdateAttacksEndedParams {
  readonly organizationId: string;
}

const updateAttacksEndedStatement: Statement = {
  name: "security/update_attacks_ended",
  text: `update /* security/update_attacks_ended */ app.attack
set ended_at = now()
where organization_id = $1 and ended_at is null and last_seen_at < now() - interval '1 hour'`,
};

/** Ends the attacks of which nothing was seen for an hour, the time over which they are counted. */
export function updateAttacksEnded(tx: TenantTx, params: UpdateAttacksEndedParams): Promise<number> {
  return count(tx, updateAttacksEndedStatement, [params.organizationId]);
}

export interface UpdateNotifiedParams {
  readonly organizationId: string;
  readonly attackId: string;
}

const updateNotifiedStatement: Statement = {
  name: "security/update_notified",
  text: `update /* security/update_notified */ app.attack
set notified_at = now()
where organization_id = $1 and attack_id = $2
  and (notified_at is null or (notified_at < now() - interval '1 hour' and last_seen_at > notified_at))`,
};

/** Takes it on to tell the admins of an attack: at first sight, and again after an hour in which it went on. */
export function updateNotified(tx: TenantTx, params: UpdateNotifiedParams): Promise<number> {
  return count(tx, updateNotifiedStatement, [params.organizationId, params.attackId]);
}

export interface UpsertAttackParams {
  readonly organizationId: string;
  readonly attackId: string;
  readonly kind: string;
  readonly network: string | null;
  readonly userId: string | null;
  readonly accounts: number;
  readonly attempts: number;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
}

export interface UpsertAttackRow {
  readonly attackId: string;
}

const upsertAttackStatement: Statement = {
  name: "security/upsert_attack",
  text: `insert /* security/upsert_attack */ into app.attack as a (
  organization_id, attack_id, kind, network, user_id, accounts, attempts, first_seen_at, last_seen_at
) values (
  $1, $2, $3, $4, $5, $6, $7, $8, $9
)
on conflict (organization_id, network, user_id) where ended_at is null do update
set
  kind = case when a.kind = 'enumeration' then excluded.kind else a.kind end,
  accounts = greatest(a.accounts, excluded.accounts),
  attempts = greatest(a.attempts, excluded.attempts),
  last_seen_at = greatest(a.last_seen_at, excluded.last_seen_at)
returning a.attack_id`,
};

/** Opens an attack, or carries on with the one that is open in the same place or at the same person. */
export function upsertAttack(tx: TenantTx, params: UpsertAttackParams): Promise<UpsertAttackRow> {
  return one<UpsertAttackRow>(tx, upsertAttackStatement, [
    params.organizationId,
    params.attackId,
    params.kind,
    params.network,
    params.userId,
    params.accounts,
    params.attempts,
    params.firstSeenAt,
    params.lastSeenAt,
  ]);
}
