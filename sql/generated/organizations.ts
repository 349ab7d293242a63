// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type SystemTx, type TenantTx, count, many, maybe, one } from "../tx.ts";

export interface ClaimSetupCodesParams {
  readonly codeHashes: readonly Uint8Array[];
}

export interface ClaimSetupCodesRow {
  readonly codeHash: Uint8Array;
}

const claimSetupCodesStatement: Statement = {
  name: "organizations/claim_setup_codes",
  text: `update /* organizations/claim_setup_codes */ app.setup_code
set consumed_at = now()
where consumed_at is null and (code_hash = any($1::bytea[]) or first)
returning code_hash`,
};

/** Uses up the code with one of these hashes, and with it every first code: an organization is about to exist. */
export function claimSetupCodes(
  tx: TenantTx,
  params: ClaimSetupCodesParams,
): Promise<readonly ClaimSetupCodesRow[]> {
  return many<ClaimSetupCodesRow>(tx, claimSetupCodesStatement, [params.codeHashes]);
}

const existsOrganizationStatement: Statement = {
  name: "organizations/exists_organization",
  text: `select /* organizations/exists_organization */ exists (select from app.organization) as exists`,
};

/** Whether any organization has been founded. */
export function existsOrganization(tx: SystemTx): Promise<boolean> {
  return one<{ readonly exists: boolean }>(tx, existsOrganizationStatement, []).then((row) => row.exists);
}

export interface ExistsSetupCodeParams {
  readonly codeHashes: readonly Uint8Array[];
}

const existsSetupCodeStatement: Statement = {
  name: "organizations/exists_setup_code",
  text: `select /* organizations/exists_setup_code */ exists (
  select from app.setup_code where code_hash = any($1::bytea[])
) as exists`,
};

/** Whether one of these is the hash of a set-up code, used up or not. Only spares work: claim_setup_codes decides. */
export function existsSetupCode(tx: TenantTx, params: ExistsSetupCodeParams): Promise<boolean> {
  return one<{ readonly exists: boolean }>(tx, existsSetupCodeStatement, [
    params.codeHashes,
  ]).then((row) => row.exists);
}

export interface FindOrganizationParams {
  readonly organizationId: string;
}

export interface FindOrganizationRow {
  readonly organizationId: string;
  readonly name: string;
  readonly slug: string;
  readonly type: "school" | "district" | "university" | "company" | "other";
  readonly status: "active" | "suspended" | "closed";
  readonly settings: Json;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const findOrganizationStatement: Statement = {
  name: "organizations/find_organization",
  text: `select /* organizations/find_organization */ organization_id, name, slug, type, status, settings, version, created_at, updated_at
from app.organization
where organization_id = $1`,
};

/** The entered organization. */
export function findOrganization(
  tx: TenantTx,
  params: FindOrganizationParams,
): Promise<FindOrganizationRow | null> {
  return maybe<FindOrganizationRow>(tx, findOrganizationStatement, [params.organizationId]);
}

export interface FindTurnParams {
  readonly job: string;
}

export interface FindTurnRow {
  readonly afterId: string | null;
}

const findTurnStatement: Statement = {
  name: "organizations/find_turn",
  text: `select /* organizations/find_turn */ after_id
from app.turn
where job = $1`,
};

/** The organization a job has come to. */
export function findTurn(tx: SystemTx, params: FindTurnParams): Promise<FindTurnRow | null> {
  return maybe<FindTurnRow>(tx, findTurnStatement, [params.job]);
}

export interface InsertOrganizationParams {
  readonly organizationId: string;
  readonly name: string;
  readonly slug: string;
  readonly type: string;
  readonly settings: Exclude<Json, null>;
}

export interface InsertOrganizationRow {
  readonly organizationId: string;
  readonly name: string;
  readonly slug: string;
  readonly type: "school" | "district" | "university" | "company" | "other";
  readonly status: "active" | "suspended" | "closed";
  readonly settings: Json;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const insertOrganizationStatement: Statement = {
  name: "organizations/insert_organization",
  text: `insert /* organizations/insert_organization */ into app.organization (organization_id, name, slug, type, settings)
values ($1, $2, $3, $4, $5::json)
returning organization_id, name, slug, type, status, settings, version, created_at, updated_at`,
};

/** Founds an organization. */
export function insertOrganization(
  tx: TenantTx,
  params: InsertOrganizationParams,
): Promise<InsertOrganizationRow> {
  return one<InsertOrganizationRow>(tx, insertOrganizationStatement, [
    params.organizationId,
    params.name,
    params.slug,
    params.type,
    params.settings,
  ]);
}

export interface InsertSetupCodeParams {
  readonly codeHash: Uint8Array;
  readonly first: boolean;
}

const insertSetupCodeStatement: Statement = {
  name: "organizations/insert_setup_code",
  text: `insert /* organizations/insert_setup_code */ into app.setup_code (code_hash, first) values ($1, $2)`,
};

/** Stores the keyed hash of a set-up code. A first one is good only until an organization exists. */
export function insertSetupCode(tx: SystemTx, params: InsertSetupCodeParams): Promise<number> {
  return count(tx, insertSetupCodeStatement, [params.codeHash, params.first]);
}

export interface ListIdsParams {
  readonly afterId: string | null;
  readonly limit: number;
}

export interface ListIdsRow {
  readonly organizationId: string;
}

const listIdsStatement: Statement = {
  name: "organizations/list_ids",
  text: `select /* organizations/list_ids */ organization_id
from app.organization
where $1::uuid is null or organization_id > $1
order by organization_id
limit $2::int`,
};

/** Organizations in the order of their ids, a page at a time. */
export function listIds(tx: SystemTx, params: ListIdsParams): Promise<readonly ListIdsRow[]> {
  return many<ListIdsRow>(tx, listIdsStatement, [params.afterId, params.limit]);
}

export interface LockOrganizationParams {
  readonly organizationId: string;
}

export interface LockOrganizationRow {
  readonly organizationId: string;
  readonly name: string;
  readonly slug: string;
  readonly type: "school" | "district" | "university" | "company" | "other";
  readonly status: "active" | "suspended" | "closed";
  readonly settings: Json;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const lockOrganizationStatement: Statement = {
  name: "organizations/lock_organization",
  text: `select /* organizations/lock_organization */ organization_id, name, slug, type, status, settings, version, created_at, updated_at
from app.organization
where organization_id = $1
for update`,
};

/** The entered organization, held until the transaction ends. */
export function lockOrganization(
  tx: TenantTx,
  params: LockOrganizationParams,
): Promise<LockOrganizationRow | null> {
  return maybe<LockOrganizationRow>(tx, lockOrganizationStatement, [params.organizationId]);
}

const pruneSetupCodesStatement: Statement = {
  name: "organizations/prune_setup_codes",
  text: `delete /* organizations/prune_setup_codes */ from app.setup_code where first and consumed_at is null and created_at < now() - interval '1 day'`,
};

/** Removes first set-up codes that nobody used within a day. */
export function pruneSetupCodes(tx: SystemTx): Promise<number> {
  return count(tx, pruneSetupCodesStatement, []);
}

export interface UpdateOrganizationParams {
  readonly name: string;
  readonly slug: string;
  readonly type: string;
  readonly settings: Exclude<Json, null>;
  readonly organizationId: string;
}

export interface UpdateOrganizationRow {
  readonly organizationId: string;
  readonly name: string;
  readonly slug: string;
  readonly type: "school" | "district" | "university" | "company" | "other";
  readonly status: "active" | "suspended" | "closed";
  readonly settings: Json;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const updateOrganizationStatement: Statement = {
  name: "organizations/update_organization",
  text: `update /* organizations/update_organization */ app.organization
set name = $1, slug = $2, type = $3, settings = $4::json
where organization_id = $5
returning organization_id, name, slug, type, status, settings, version, created_at, updated_at`,
};

/** Writes what may be changed of the entered organization. */
export function updateOrganization(
  tx: TenantTx,
  params: UpdateOrganizationParams,
): Promise<UpdateOrganizationRow> {
  return one<UpdateOrganizationRow>(tx, updateOrganizationStatement, [
    params.name,
    params.slug,
    params.type,
    params.settings,
    params.organizationId,
  ]);
}

export interface UpdateStatusParams {
  readonly status: string;
  readonly organizationId: string;
}

export interface UpdateStatusRow {
  readonly organizationId: string;
  readonly name: string;
  readonly slug: string;
  readonly type: "school" | "district" | "university" | "company" | "other";
  readonly status: "active" | "suspended" | "closed";
  readonly settings: Json;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const updateStatusStatement: Statement = {
  name: "organizations/update_status",
  text: `update /* organizations/update_status */ app.organization
set status = $1
where organization_id = $2
returning organization_id, name, slug, type, status, settings, version, created_at, updated_at`,
};

/** Suspends, closes or reactivates the entered organization. */
export function updateStatus(tx: TenantTx, params: UpdateStatusParams): Promise<UpdateStatusRow> {
  return one<UpdateStatusRow>(tx, updateStatusStatement, [params.status, params.organizationId]);
}

export interface UpsertTurnParams {
  readonly job: string;
  readonly afterId: string | null;
}

const upsertTurnStatement: Statement = {
  name: "organizations/upsert_turn",
  text: `insert /* organizations/upsert_turn */ into app.turn as t (job, after_id)
values ($1, $2)
on conflict (job) do update set after_id = excluded.after_id`,
};

/** Remembers the organization a job has come to; none when it has been to all of them. */
export function upsertTurn(tx: SystemTx, params: UpsertTurnParams): Promise<number> {
  return count(tx, upsertTurnStatement, [params.job, params.afterId]);
}
