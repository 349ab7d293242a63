// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, count, many, maybe, one } from "../tx.ts";

export interface CountStrayOriginsParams {
  readonly organizationId: string;
}

const countStrayOriginsStatement: Statement = {
  name: "audit/count_stray_origins",
  text: `select /* audit/count_stray_origins */ count(*) as count
from app.audit_origin o
where o.organization_id = $1
  and not exists (
    select from app.audit_event e
    where e.organization_id = o.organization_id and e.sequence = o.sequence and e.origin_hash is not null
  )`,
};

/** How many origins belong to no event, or to one that had none. */
export function countStrayOrigins(tx: TenantTx, params: CountStrayOriginsParams): Promise<number> {
  return one<{ readonly count: number }>(tx, countStrayOriginsStatement, [
    params.organizationId,
  ]).then((row) => row.count);
}

export interface ExistsDisclosureParams {
  readonly organizationId: string;
  readonly subjectId: string;
  readonly actorId: string;
  readonly action: string;
  readonly details: string;
  readonly targetType: string | null;
  readonly sessionId: string | null;
  readonly apiKeyId: string | null;
}

const existsDisclosureStatement: Statement = {
  name: "audit/exists_disclosure",
  text: `with /* audit/exists_disclosure */ today as materialized (
  select t.sequence
  from app.audit_event t
  where t.organization_id = $1 and t.created_at >= date_trunc('day', now(), 'UTC')
  order by t.created_at, t.sequence
  limit 1
)
select exists (
  select
  from app.audit_subject s
  join app.audit_event e on e.organization_id = s.organization_id and e.sequence = s.sequence
  where s.organization_id = $1 and s.subject_id = $2
    and s.sequence >= (select today.sequence from today)
    and e.actor_id = $3 and e.action = $4 and e.details::text = $5
    and e.target_type is not distinct from $6::text
    and e.session_id is not distinct from $7::uuid
    and e.api_key_id is not distinct from $8::uuid
) as known`,
};

/**
 * Whether somebody was shown a person today in the same way, by the same session or API key, with the same interest. From
 * the side of the person: a program may read thousands of people one by one.
 */
export function existsDisclosure(tx: TenantTx, params: ExistsDisclosureParams): Promise<boolean> {
  return one<{ readonly known: boolean }>(tx, existsDisclosureStatement, [
    params.organizationId,
    params.subjectId,
    params.actorId,
    params.action,
    params.details,
    params.targetType,
    params.sessionId,
    params.apiKeyId,
  ]).then((row) => row.known);
}

export interface FindAnchorParams {
  readonly organizationId: string;
}

export interface FindAnchorRow {
  readonly sequence: number;
  readonly createdAt: Date;
  readonly hash: Uint8Array;
  readonly publicKey: string;
  readonly signature: string;
}

const findAnchorStatement: Statement = {
  name: "audit/find_anchor",
  text: `select /* audit/find_anchor */ sequence, created_at, hash, public_key, signature
from app.audit_anchor
where organization_id = $1`,
};

/** The last signed head of a chain. */
export function findAnchor(tx: TenantTx, params: FindAnchorParams): Promise<FindAnchorRow | null> {
  return maybe<FindAnchorRow>(tx, findAnchorStatement, [params.organizationId]);
}

export interface FindFirstSinceParams {
  readonly organizationId: string;
  readonly moment: Date;
}

export interface FindFirstSinceRow {
  readonly sequence: number;
}

const findFirstSinceStatement: Statement = {
  name: "audit/find_first_since",
  text: `select /* audit/find_first_since */ sequence
from app.audit_event
where organization_id = $1 and created_at >= $2
order by created_at, sequence
limit 1`,
};

/** The number of the first event that is not before a moment: the later event has the higher number. */
export function findFirstSince(
  tx: TenantTx,
  params: FindFirstSinceParams,
): Promise<FindFirstSinceRow | null> {
  return maybe<FindFirstSinceRow>(tx, findFirstSinceStatement, [params.organizationId, params.moment]);
}

export interface FindHashParams {
  readonly organizationId: string;
  readonly sequence: number;
}

export interface FindHashRow {
  readonly hash: Uint8Array | null;
}

const findHashStatement: Statement = {
  name: "audit/find_hash",
  text: `select /* audit/find_hash */ e.hash from app.audit_event e where e.organization_id = $1 and e.sequence = $2
union all
select s.hash from app.audit_seal s where s.organization_id = $1 and s.last_sequence = $2`,
};

/** The hash up to which the chain goes with one event, sealed or not. */
export function findHash(tx: TenantTx, params: FindHashParams): Promise<FindHashRow | null> {
  return maybe<FindHashRow>(tx, findHashStatement, [params.organizationId, params.sequence]);
}

export interface GetExtentParams {
  readonly organizationId: string;
}

export interface GetExtentRow {
  readonly sequence: number | null;
  readonly hash: Uint8Array | null;
  readonly createdAt: Date | null;
  readonly lastRow: number | null;
}

const getExtentStatement: Statement = {
  name: "audit/get_extent",
  text: `select /* audit/get_extent */
  h.sequence, h.hash, h.created_at,
  greatest(
    (select coalesce(max(e.sequence), 0) from app.audit_event e where e.organization_id = $1),
    (select coalesce(max(s.last_sequence), 0) from app.audit_seal s where s.organization_id = $1),
    (select coalesce(max(s.sequence), 0) from app.audit_subject s where s.organization_id = $1),
    (select coalesce(max(o.sequence), 0) from app.audit_origin o where o.organization_id = $1)
  ) as last_row
from (select $1::uuid as organization_id) given
left join app.audit_head h on h.organization_id = given.organization_id`,
};

/** How far a chain goes by its head, and how far its rows go, whatever the head says. */
export function getExtent(tx: TenantTx, params: GetExtentParams): Promise<GetExtentRow> {
  return one<GetExtentRow>(tx, getExtentStatement, [params.organizationId]);
}

export interface InsertSealParams {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly sealedAt: Date;
  readonly firstAt: Date;
  readonly lastAt: Date;
  readonly previous: Uint8Array;
  readonly hash: Uint8Array;
  readonly actions: Exclude<Json, null>;
  readonly publicKey: string;
  readonly signature: string;
}

export interface InsertSealRow {
  readonly done: string | null;
}

const insertSealStatement: Statement = {
  name: "audit/insert_seal",
  text: `select /* audit/insert_seal */ app.seal_audit(
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
)::text as done`,
};

/** Puts a signed row in the place of a run of events. */
export function insertSeal(tx: TenantTx, params: InsertSealParams): Promise<InsertSealRow> {
  return one<InsertSealRow>(tx, insertSealStatement, [
    params.firstSequence,
    params.lastSequence,
    params.sealedAt,
    params.firstAt,
    params.lastAt,
    params.previous,
    params.hash,
    params.actions,
    params.publicKey,
    params.signature,
  ]);
}

export interface ListChainParams {
  readonly organizationId: string;
  readonly after: number;
  readonly upTo: number;
  readonly limit: number;
}

export interface ListChainRow {
  readonly sequence: number;
  readonly createdAt: Date;
  readonly action: string;
  readonly outcome: "success" | "refused";
  readonly actorId: string | null;
  readonly sessionId: string | null;
  readonly apiKeyId: string | null;
  readonly subjectIds: readonly string[];
  readonly targetType: string | null;
  readonly targetId: string | null;
  readonly details: string | null;
  readonly originHash: Uint8Array | null;
  readonly hash: Uint8Array;
  readonly salt: Uint8Array | null;
  readonly address: string | null;
  readonly userAgent: string | null;
  readonly personId: string | null;
  readonly originAt: Date | null;
}

const listChainStatement: Statement = {
  name: "audit/list_chain",
  text: `select /* audit/list_chain */ e.sequence, e.created_at, e.action, e.outcome, e.actor_id, e.session_id, e.api_key_id, e.subject_ids,
  e.target_type, e.target_id,
  e.details::text as details, e.origin_hash, e.hash, o.salt, o.address, o.user_agent, o.person_id,
  o.created_at as origin_at
from app.audit_event e
left join app.audit_origin o on o.organization_id = e.organization_id and o.sequence = e.sequence
where e.organization_id = $1 and e.sequence > $2 and e.sequence <= $3
order by e.sequence
limit $4::int`,
};

/** Events in the order of the chain, with the text that was hashed and where they came from. */
export function listChain(tx: TenantTx, params: ListChainParams): Promise<readonly ListChainRow[]> {
  return many<ListChainRow>(tx, listChainStatement, [
    params.organizationId,
    params.after,
    params.upTo,
    params.limit,
  ]);
}

export interface ListDisclosuresParams {
  readonly organizationId: string;
  readonly subjectId: string;
  readonly actions: readonly string[];
  readonly before: number | null;
  readonly limit: number;
}

export interface ListDisclosuresRow {
  readonly sequence: number;
  readonly createdAt: Date;
  readonly action: string;
  readonly actorId: string | null;
  readonly targetType: string | null;
  readonly details: Json;
}

const listDisclosuresStatement: Statement = {
  name: "audit/list_disclosures",
  text: `select /* audit/list_disclosures */ e.sequence, e.created_at, e.action, e.actor_id, e.target_type, e.details
from app.audit_subject s
join app.audit_event e on e.organization_id = s.organization_id and e.sequence = s.sequence
where s.organization_id = $1 and s.subject_id = $2 and s.action = any($3)
  and e.actor_id is distinct from s.subject_id
  and (e.actor_id is not null or s.action like 'user.%' or s.action like 'erasure.%')
  and ($4::bigint is null or s.sequence < $4)
order by s.sequence desc
limit $5::int`,
};

/**
 * Which others looked at a person, took their data along or changed something of theirs, newest first. Of what nobody who
 * is known did, only what an operator or a job does to a person: the rest was done by a link, and so by themselves.
 */
export function listDisclosures(
  tx: TenantTx,
  params: ListDisclosuresParams,
): Promise<readonly ListDisclosuresRow[]> {
  return many<ListDisclosuresRow>(tx, listDisclosuresStatement, [
    params.organizationId,
    params.subjectId,
    params.actions,
    params.before,
    params.limit,
  ]);
}

export interface ListEventsParams {
  readonly organizationId: string;
  readonly before: number | null;
  readonly from: number | null;
  readonly action: string | null;
  readonly outcome: string | null;
  readonly actorId: string | null;
  readonly apiKeyId: string | null;
  readonly targetId: string | null;
  readonly limit: number;
}

export interface ListEventsRow {
  readonly sequence: number;
  readonly createdAt: Date;
  readonly action: string;
  readonly outcome: "success" | "refused";
  readonly actorId: string | null;
  readonly sessionId: string | null;
  readonly apiKeyId: string | null;
  readonly subjectIds: readonly string[];
  readonly targetType: string | null;
  readonly targetId: string | null;
  readonly details: Json;
  readonly hash: Uint8Array;
  readonly address: string | null;
  readonly userAgent: string | null;
}

const listEventsStatement: Statement = {
  name: "audit/list_events",
  text: `select /* audit/list_events */ e.sequence, e.created_at, e.action, e.outcome, e.actor_id, e.session_id, e.api_key_id, e.subject_ids, e.target_type,
  e.target_id, e.details, e.hash, o.address, o.user_agent
from app.audit_event e
left join app.audit_origin o on o.organization_id = e.organization_id and o.sequence = e.sequence
where e.organization_id = $1
  and ($2::bigint is null or e.sequence < $2)
  and ($3::bigint is null or e.sequence >= $3)
  and ($4::text is null or e.action = $4)
  and ($5::text is null or e.outcome = $5)
  and ($6::uuid is null or e.actor_id = $6)
  and ($7::uuid is null or e.api_key_id = $7)
  and ($8::text is null or e.target_id = $8)
order by e.sequence desc
limit $9::int`,
};

/** Events, newest first, with what is still known of where they came from. */
export function listEvents(tx: TenantTx, params: ListEventsParams): Promise<readonly ListEventsRow[]> {
  return many<ListEventsRow>(tx, listEventsStatement, [
    params.organizationId,
    params.before,
    params.from,
    params.action,
    params.outcome,
    params.actorId,
    params.apiKeyId,
    params.targetId,
    params.limit,
  ]);
}

export interface ListEventsAboutParams {
  readonly organizationId: string;
  readonly subjectId: string;
  readonly before: number | null;
  readonly from: number | null;
  readonly action: string | null;
  readonly outcome: string | null;
  readonly actorId: string | null;
  readonly apiKeyId: string | null;
  readonly targetId: string | null;
  readonly limit: number;
}

export interface ListEventsAboutRow {
  readonly sequence: number;
  readonly createdAt: Date;
  readonly action: string;
  readonly outcome: "success" | "refused";
  readonly actorId: string | null;
  readonly sessionId: string | null;
  readonly apiKeyId: string | null;
  readonly subjectIds: readonly string[];
  readonly targetType: string | null;
  readonly targetId: string | null;
  readonly details: Json;
  readonly hash: Uint8Array;
  readonly address: string | null;
  readonly userAgent: string | null;
}

const listEventsAboutStatement: Statement = {
  name: "audit/list_events_about",
  text: `select /* audit/list_events_about */ e.sequence, e.created_at, e.action, e.outcome, e.actor_id, e.session_id, e.api_key_id, e.subject_ids, e.target_type,
  e.target_id, e.details, e.hash, o.address, o.user_agent
from app.audit_subject s
join app.audit_event e on e.organization_id = s.organization_id and e.sequence = s.sequence
left join app.audit_origin o on o.organization_id = e.organization_id and o.sequence = e.sequence
where s.organization_id = $1 and s.subject_id = $2
  and ($3::bigint is null or s.sequence < $3)
  and ($4::bigint is null or s.sequence >= $4)
  and ($5::text is null or e.action = $5)
  and ($6::text is null or e.outcome = $6)
  and ($7::uuid is null or e.actor_id = $7)
  and ($8::uuid is null or e.api_key_id = $8)
  and ($9::text is null or e.target_id = $9)
order by s.sequence desc
limit $10::int`,
};

/** Events about one person, newest first, with what is still known of where they came from. */
export function listEventsAbout(
  tx: TenantTx,
  params: ListEventsAboutParams,
): Promise<readonly ListEventsAboutRow[]> {
  return many<ListEventsAboutRow>(tx, listEventsAboutStatement, [
    params.organizationId,
    params.subjectId,
    params.before,
    params.from,
    params.action,
    params.outcome,
    params.actorId,
    params.apiKeyId,
    params.targetId,
    params.limit,
  ]);
}

export interface ListOutdatedParams {
  readonly actions: readonly string[];
  readonly days: readonly number[];
  readonly organizationId: string;
  readonly limit: number;
}

export interface ListOutdatedRow {
  readonly sequence: number;
}

const listOutdatedStatement: Statement = {
  name: "audit/list_outdated",
  text: `select /* audit/list_outdated */ e.sequence
from unnest($1::text[], $2::int[]) as kept (action, days)
cross join lateral (
  select t.sequence
  from app.audit_event t
  where t.organization_id = $3 and t.created_at < now() - make_interval(days => kept.days)
  order by t.created_at desc, t.sequence desc
  limit 1
) as last
join app.audit_event e
  on e.organization_id = $3 and e.action = kept.action and e.sequence <= last.sequence
order by e.sequence
limit $4::int`,
};

/**
 * The first numbers of events that were kept for as many days as their action must be. The later event has the higher
 * number, so the index of times tells up to which number to look.
 */
export function listOutdated(tx: TenantTx, params: ListOutdatedParams): Promise<readonly ListOutdatedRow[]> {
  return many<ListOutdatedRow>(tx, listOutdatedStatement, [
    params.actions,
    params.days,
    params.organizationId,
    params.limit,
  ]);
}

export interface ListSealsParams {
  readonly organizationId: string;
  readonly after: number;
  readonly upTo: number;
}

export interface ListSealsRow {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly createdAt: Date;
  readonly firstAt: Date;
  readonly lastAt: Date;
  readonly previous: Uint8Array;
  readonly hash: Uint8Array;
  readonly actions: Json;
  readonly publicKey: string;
  readonly signature: string;
}

const listSealsStatement: Statement = {
  name: "audit/list_seals",
  text: `select /* audit/list_seals */ first_sequence, last_sequence, created_at, first_at, last_at, previous, hash, actions, public_key, signature
from app.audit_seal
where organization_id = $1 and first_sequence > $2 and first_sequence <= $3
order by first_sequence`,
};

/** Seals that begin after one event and not after another, in the order of the chain. */
export function listSeals(tx: TenantTx, params: ListSealsParams): Promise<readonly ListSealsRow[]> {
  return many<ListSealsRow>(tx, listSealsStatement, [params.organizationId, params.after, params.upTo]);
}

export interface ListSealsBesideParams {
  readonly organizationId: string;
  readonly first: number;
  readonly last: number;
}

export interface ListSealsBesideRow {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly createdAt: Date;
  readonly firstAt: Date;
  readonly lastAt: Date;
  readonly previous: Uint8Array;
  readonly hash: Uint8Array;
  readonly actions: Json;
  readonly publicKey: string;
  readonly signature: string;
}

const listSealsBesideStatement: Statement = {
  name: "audit/list_seals_beside",
  text: `select /* audit/list_seals_beside */ first_sequence, last_sequence, created_at, first_at, last_at, previous, hash, actions, public_key, signature
from app.audit_seal
where organization_id = $1 and (last_sequence = $2::bigint - 1 or first_sequence = $3::bigint + 1)
order by first_sequence`,
};

/** The seals that end right before a run of events and begin right after it. */
export function listSealsBeside(
  tx: TenantTx,
  params: ListSealsBesideParams,
): Promise<readonly ListSealsBesideRow[]> {
  return many<ListSealsBesideRow>(tx, listSealsBesideStatement, [
    params.organizationId,
    params.first,
    params.last,
  ]);
}

export interface ListSubjectsParams {
  readonly organizationId: string;
  readonly after: number;
  readonly upTo: number;
}

export interface ListSubjectsRow {
  readonly sequence: number;
  readonly subjectIds: readonly string[];
  readonly actions: readonly string[];
  readonly times: readonly Date[];
}

const listSubjectsStatement: Statement = {
  name: "audit/list_subjects",
  text: `select /* audit/list_subjects */ sequence, array_agg(subject_id order by subject_id) as subject_ids,
  array_agg(distinct action) as actions, array_agg(distinct created_at) as times
from app.audit_subject
where organization_id = $1 and sequence > $2 and sequence <= $3
group by sequence`,
};

/** Whom events are about by the index of people, event by event. */
export function listSubjects(tx: TenantTx, params: ListSubjectsParams): Promise<readonly ListSubjectsRow[]> {
  return many<ListSubjectsRow>(tx, listSubjectsStatement, [params.organizationId, params.after, params.upTo]);
}

export interface ListUndisclosedParams {
  readonly organizationId: string;
  readonly actorId: string;
  readonly action: string;
  readonly details: string;
  readonly targetType: string | null;
  readonly sessionId: string | null;
  readonly apiKeyId: string | null;
  readonly subjectIds: readonly string[];
}

export interface ListUndisclosedRow {
  readonly subjectId: string;
}

const listUndisclosedStatement: Statement = {
  name: "audit/list_undisclosed",
  text: `with /* audit/list_undisclosed */ today as materialized (
  select t.sequence
  from app.audit_event t
  where t.organization_id = $1 and t.created_at >= date_trunc('day', now(), 'UTC')
  order by t.created_at, t.sequence
  limit 1
),
shown as materialized (
  select e.sequence
  from app.audit_event e
  where e.organization_id = $1 and e.sequence >= (select today.sequence from today)
    and e.actor_id = $2 and e.action = $3 and e.details::text = $4
    and e.target_type is not distinct from $5::text
    and e.session_id is not distinct from $6::uuid
    and e.api_key_id is not distinct from $7::uuid
)
select p.subject_id from unnest($8::uuid[]) as p (subject_id)
except
select s.subject_id
from shown
join app.audit_subject s on s.organization_id = $1 and s.sequence = shown.sequence`,
};

/** Whom of some people somebody was not shown today in the same way, by the same session or API key, with the same interest. */
export function listUndisclosed(
  tx: TenantTx,
  params: ListUndisclosedParams,
): Promise<readonly ListUndisclosedRow[]> {
  return many<ListUndisclosedRow>(tx, listUndisclosedStatement, [
    params.organizationId,
    params.actorId,
    params.action,
    params.details,
    params.targetType,
    params.sessionId,
    params.apiKeyId,
    params.subjectIds,
  ]);
}

export interface UpsertAnchorParams {
  readonly organizationId: string;
  readonly sequence: number;
  readonly createdAt: Date;
  readonly hash: Uint8Array;
  readonly publicKey: string;
  readonly signature: string;
}

const upsertAnchorStatement: Statement = {
  name: "audit/upsert_anchor",
  text: `insert /* audit/upsert_anchor */ into app.audit_anchor as a (organization_id, sequence, created_at, hash, public_key, signature)
values ($1, $2, $3, $4, $5, $6)
on conflict (organization_id) do update
set sequence = excluded.sequence, created_at = excluded.created_at, hash = excluded.hash,
  public_key = excluded.public_key, signature = excluded.signature
where a.sequence <= excluded.sequence`,
};

/** Remembers a signed head, unless a later one is remembered already. */
export function upsertAnchor(tx: TenantTx, params: UpsertAnchorParams): Promise<number> {
  return count(tx, upsertAnchorStatement, [
    params.organizationId,
    params.sequence,
    params.createdAt,
    params.hash,
    params.publicKey,
    params.signature,
  ]);
}
