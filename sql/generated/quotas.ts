// Written by `bun run sql`. Do not edit.
import { type Statement, type SystemTx, type TenantTx, many, maybe, one } from "../tx.ts";

export interface GetUsageParams {
  readonly organizationId: string;
}

export interface GetUsageRow {
  readonly people: number;
  readonly storageBytes: number;
  readonly peopleAllowed: number | null;
  readonly storageBytesAllowed: number | null;
  readonly requestsPerMinuteAllowed: number | null;
}

const getUsageStatement: Statement = {
  name: "quotas/get_usage",
  text: `select /* quotas/get_usage */
  coalesce(u.people, 0) as people, coalesce(u.storage_bytes, 0) as storage_bytes,
  q.people as people_allowed, q.storage_bytes as storage_bytes_allowed, q.requests_per_minute as requests_per_minute_allowed
from app.organization o
left join app.usage u on u.organization_id = o.organization_id
left join app.quota q on q.organization_id = o.organization_id
where o.organization_id = $1`,
};

/** What the entered organization uses and is allowed. Null where the operator has set no limit. */
export function getUsage(tx: TenantTx, params: GetUsageParams): Promise<GetUsageRow> {
  return one<GetUsageRow>(tx, getUsageStatement, [params.organizationId]);
}

export interface ListUsagesParams {
  readonly afterId: string | null;
  readonly limit: number;
}

export interface ListUsagesRow {
  readonly organizationId: string;
  readonly slug: string;
  readonly status: "active" | "suspended" | "closed";
  readonly people: number;
  readonly storageBytes: number;
  readonly peopleAllowed: number | null;
  readonly storageBytesAllowed: number | null;
  readonly requestsPerMinuteAllowed: number | null;
}

const listUsagesStatement: Statement = {
  name: "quotas/list_usages",
  text: `select /* quotas/list_usages */
  o.organization_id, o.slug, o.status,
  coalesce(u.people, 0) as people, coalesce(u.storage_bytes, 0) as storage_bytes,
  q.people as people_allowed, q.storage_bytes as storage_bytes_allowed, q.requests_per_minute as requests_per_minute_allowed
from app.organization o
left join app.usage u on u.organization_id = o.organization_id
left join app.quota q on q.organization_id = o.organization_id
where $1::uuid is null or o.organization_id > $1
order by o.organization_id
limit $2::int`,
};

/** Organizations in the order of their ids, with what they use and are allowed. For the operator. */
export function listUsages(tx: SystemTx, params: ListUsagesParams): Promise<readonly ListUsagesRow[]> {
  return many<ListUsagesRow>(tx, listUsagesStatement, [params.afterId, params.limit]);
}

export interface LockQuotaParams {
  readonly organizationId: string;
}

export interface LockQuotaRow {
  readonly people: number | null;
  readonly storageBytes: number | null;
  readonly requestsPerMinute: number | null;
}

const lockQuotaStatement: Statement = {
  name: "quotas/lock_quota",
  text: `select /* quotas/lock_quota */ people, storage_bytes, requests_per_minute from app.quota where organization_id = $1 for update`,
};

/** What the entered organization is allowed, held until the transaction ends. */
export function lockQuota(tx: TenantTx, params: LockQuotaParams): Promise<LockQuotaRow | null> {
  return maybe<LockQuotaRow>(tx, lockQuotaStatement, [params.organizationId]);
}

export interface UpsertQuotaParams {
  readonly organizationId: string;
  readonly people: number | null;
  readonly storageBytes: number | null;
  readonly requestsPerMinute: number | null;
}

export interface UpsertQuotaRow {
  readonly people: number | null;
  readonly storageBytes: number | null;
  readonly requestsPerMinute: number | null;
}

const upsertQuotaStatement: Statement = {
  name: "quotas/upsert_quota",
  text: `insert /* quotas/upsert_quota */ into app.quota as q (organization_id, people, storage_bytes, requests_per_minute)
values ($1, $2, $3, $4)
on conflict (organization_id) do update
set people = excluded.people, storage_bytes = excluded.storage_bytes, requests_per_minute = excluded.requests_per_minute
returning people, storage_bytes, requests_per_minute`,
};

/** Sets what the entered organization is allowed. Null lifts a limit. */
export function upsertQuota(tx: TenantTx, params: UpsertQuotaParams): Promise<UpsertQuotaRow> {
  return one<UpsertQuotaRow>(tx, upsertQuotaStatement, [
    params.organizationId,
    params.people,
    params.storageBytes,
    params.requestsPerMinute,
  ]);
}
