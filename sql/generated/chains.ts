// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, count, many, maybe, one } from "../tx.ts";

export interface CountStrayOriginsParams {
  readonly organizationId: string;
}

const countStrayOriginsStatement: Statement = {
  name: "chains/count_stray_origins",
  text: `select /* chains/count_stray_origins */ count(*) as count
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
  name: "chains/find_anchor",
  text: `select /* chains/find_anchor */ sequence, created_at, hash, public_key, signature
from app.audit_anchor
where organization_id = $1`,
};

/** The last signed head of a chain. */
export function findAnchor(tx: TenantTx, params: FindAnchorParams): Promise<FindAnchorRow | null> {
  return maybe<FindAnchorRow>(tx, findAnchorStatement, [params.organizationId]);
}

export interface FindHashParams {
  readonly organizationId: string;
  readonly sequence: number;
}

export interface FindHashRow {
  readonly hash: Uint8Array | null;
}

const findHashStatement: Statement = {
  name: "chains/find_hash",
  text: `select /* chains/find_hash */ e.hash from app.audit_event e where e.organization_id = $1 and e.sequence = $2
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
  name: "chains/get_extent",
  text: `select /* chains/get_extent */
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
  name: "chains/insert_seal",
  text: `select /* chains/insert_seal */ app.seal_audit(
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
  name: "chains/list_chain",
  text: `select /* chains/list_chain */ e.sequence, e.created_at, e.action, e.outcome, e.actor_id, e.session_id, e.api_key_id, e.subject_ids,
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
  name: "chains/list_outdated",
  text: `select /* chains/list_outdated */ e.sequence
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
  name: "chains/list_seals",
  text: `select /* chains/list_seals */ first_sequence, last_sequence, created_at, first_at, last_at, previous, hash, actions, public_key, signature
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
  name: "chains/list_seals_beside",
  text: `select /* chains/list_seals_beside */ first_sequence, last_sequence, created_at, first_at, last_at, previous, hash, actions, public_key, signature
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
  name: "chains/list_subjects",
  text: `select /* chains/list_subjects */ sequence, array_agg(subject_id order by subject_id) as subject_ids,
  array_agg(distinct action) as actions, array_agg(distinct created_at) as times
from app.audit_subject
where organization_id = $1 and sequence > $2 and sequence <= $3
group by sequence`,
};

/** Whom events are about by the index of people, event by event. */
export function listSubjects(tx: TenantTx, params: ListSubjectsParams): Promise<readonly ListSubjectsRow[]> {
  return many<ListSubjectsRow>(tx, listSubjectsStatement, [params.organizationId, params.after, params.upTo]);
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
  name: "chains/upsert_anchor",
  text: `insert /* chains/upsert_anchor */ into app.audit_anchor as a (organization_id, sequence, created_at, hash, public_key, signature)
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
