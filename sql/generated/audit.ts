// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, many, maybe, one } from "../tx.ts";

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
