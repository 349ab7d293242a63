// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, count, many, maybe } from "../tx.ts";

export interface FindByTokenParams {
  readonly organizationId: string;
  readonly tokenHashes: readonly Uint8Array[];
}

export interface FindByTokenRow {
  readonly apiKeyId: string;
  readonly userId: string;
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly scopes: readonly string[];
  readonly settings: Json;
  readonly hasSecondFactor: boolean;
  readonly needsTouch: boolean;
  readonly requestsPerMinute: number | null;
  readonly organizationGeneration: number;
  readonly usersGeneration: number;
  readonly contentsGeneration: number;
}

const findByTokenStatement: Statement = {
  name: "api-keys/find_by_token",
  text: `select /* api-keys/find_by_token */
  k.api_key_id, k.user_id, k.role, k.scopes, o.settings,
  exists (select from app.second_factor f
    where f.organization_id = k.organization_id and f.user_id = k.user_id
      and f.confirmed_at is not null) as has_second_factor,
  k.last_used_at is null or k.last_used_at < now() - interval '1 minute' as needs_touch,
  (select q.requests_per_minute from app.quota q where q.organization_id = $1) as requests_per_minute,
  coalesce((select generation from app.generation g
    where g.organization_id = $1 and g.topic = 'organization'), 0) as organization_generation,
  coalesce((select generation from app.generation g
    where g.organization_id = $1 and g.topic = 'users'), 0) as users_generation,
  coalesce((select generation from app.generation g
    where g.organization_id = $1 and g.topic = 'contents'), 0) as contents_generation
from app.api_key k
join app.user u on u.organization_id = k.organization_id and u.user_id = k.user_id and u.role = k.role
join app.organization o on o.organization_id = k.organization_id
where k.organization_id = $1
  and k.token_hash = any($2::bytea[])
  and k.revoked_at is null
  and k.expires_at > now()
  and u.status = 'active' and u.deleted_at is null
  and o.status = 'active'`,
};

/**
 * The live API key of a token, with its person and the cache generations of the organization. What has ended or expired,
 * and a person who is not who they were when it was made, is told by predicates here.
 */
export function findByToken(tx: TenantTx, params: FindByTokenParams): Promise<FindByTokenRow | null> {
  return maybe<FindByTokenRow>(tx, findByTokenStatement, [params.organizationId, params.tokenHashes]);
}

export interface InsertApiKeyParams {
  readonly organizationId: string;
  readonly apiKeyId: string;
  readonly name: string;
  readonly tokenHash: Uint8Array;
  readonly hint: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date;
  readonly userId: string;
}

export interface InsertApiKeyRow {
  readonly apiKeyId: string;
  readonly userId: string;
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly name: string;
  readonly hint: string;
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly lastUsedAt: Date | null;
  readonly lastUsedIp: string | null;
  readonly revokedAt: Date | null;
  readonly revokedById: string | null;
  readonly revokeReason: "revoked" | "role_changed" | "status_changed" | "user_deleted" | "password_changed" | null;
}

const insertApiKeyStatement: Statement = {
  name: "api-keys/insert_api_key",
  text: `insert /* api-keys/insert_api_key */ into app.api_key (organization_id, api_key_id, user_id, role, name, token_hash, hint, scopes, expires_at)
select $1, $2, u.user_id, u.role, $3, $4, $5, $6, $7
from app.user u
where u.organization_id = $1 and u.user_id = $8
  and u.status = 'active' and u.deleted_at is null
for update of u
returning api_key_id, user_id, role, name, hint, scopes, created_at, expires_at, last_used_at, last_used_ip,
  revoked_at, revoked_by_id, revoke_reason`,
};

/** Makes an API key, with the role that the person has now. None when the person is not active. */
export function insertApiKey(tx: TenantTx, params: InsertApiKeyParams): Promise<InsertApiKeyRow | null> {
  return maybe<InsertApiKeyRow>(tx, insertApiKeyStatement, [
    params.organizationId,
    params.apiKeyId,
    params.name,
    params.tokenHash,
    params.hint,
    params.scopes,
    params.expiresAt,
    params.userId,
  ]);
}

export interface ListApiKeysParams {
  readonly organizationId: string;
  readonly beforeId: string | null;
  readonly limit: number;
}

export interface ListApiKeysRow {
  readonly apiKeyId: string;
  readonly userId: string;
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly name: string;
  readonly hint: string;
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly lastUsedAt: Date | null;
  readonly lastUsedIp: string | null;
  readonly revokedAt: Date | null;
  readonly revokedById: string | null;
  readonly revokeReason: "revoked" | "role_changed" | "status_changed" | "user_deleted" | "password_changed" | null;
}

const listApiKeysStatement: Statement = {
  name: "api-keys/list_api_keys",
  text: `select /* api-keys/list_api_keys */ api_key_id, user_id, role, name, hint, scopes, created_at, expires_at, last_used_at, last_used_ip,
  revoked_at, revoked_by_id, revoke_reason
from app.api_key
where organization_id = $1 and ($2::uuid is null or api_key_id < $2)
order by api_key_id desc
limit $3::int`,
};

/** API keys of the organization, newest first, those that have ended too. */
export function listApiKeys(tx: TenantTx, params: ListApiKeysParams): Promise<readonly ListApiKeysRow[]> {
  return many<ListApiKeysRow>(tx, listApiKeysStatement, [
    params.organizationId,
    params.beforeId,
    params.limit,
  ]);
}

export interface PruneApiKeysParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneApiKeysStatement: Statement = {
  name: "api-keys/prune_api_keys",
  text: `with /* api-keys/prune_api_keys */ old as materialized (
  select api_key_id from app.api_key
  where organization_id = $1
    and (expires_at < now() - interval '90 days' or revoked_at < now() - interval '90 days')
  order by api_key_id
  limit $2::int
  for update skip locked
)
delete from app.api_key k
using old
where k.organization_id = $1 and k.api_key_id = old.api_key_id`,
};

/** Removes, at most so many at a time, API keys that expired or were revoked ninety days ago or earlier. */
export function pruneApiKeys(tx: TenantTx, params: PruneApiKeysParams): Promise<number> {
  return count(tx, pruneApiKeysStatement, [params.organizationId, params.limit]);
}

export interface UpdateLastUsedParams {
  readonly ip: string | null;
  readonly organizationId: string;
  readonly apiKeyId: string;
}

const updateLastUsedStatement: Statement = {
  name: "api-keys/update_last_used",
  text: `update /* api-keys/update_last_used */ app.api_key set last_used_at = now(), last_used_ip = $1::inet
where organization_id = $2 and api_key_id = $3 and revoked_at is null
  and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
};

/** Records that an API key is in use, and from where; at most once a minute, however many ask at once. */
export function updateLastUsed(tx: TenantTx, params: UpdateLastUsedParams): Promise<number> {
  return count(tx, updateLastUsedStatement, [params.ip, params.organizationId, params.apiKeyId]);
}

export interface UpdateRevokedParams {
  readonly organizationId: string;
  readonly apiKeyId: string;
}

const updateRevokedStatement: Statement = {
  name: "api-keys/update_revoked",
  text: `update /* api-keys/update_revoked */ app.api_key set revoked_at = now(), revoked_by_id = app.actor(), revoke_reason = 'revoked'
where organization_id = $1 and api_key_id = $2 and revoked_at is null`,
};

/** Revokes an API key. One that is revoked already stays as it is. */
export function updateRevoked(tx: TenantTx, params: UpdateRevokedParams): Promise<number> {
  return count(tx, updateRevokedStatement, [params.organizationId, params.apiKeyId]);
}
