/** Rows of organizations and set-up codes, in and out. */
import * as sql from "#sql/organizations";
import type { SystemTx, TenantTx } from "../../sql/tx.ts";
import { type OrganizationSettings, readSettings } from "../settings.ts";

export const ORGANIZATION_TYPES = ["school", "district", "university", "company", "other"] as const;
export type OrganizationType = (typeof ORGANIZATION_TYPES)[number];

/** Suspended for a time, closed for good: in either nobody gets in. */
export const ORGANIZATION_STATUSES = ["active", "suspended", "closed"] as const;
export type OrganizationStatus = (typeof ORGANIZATION_STATUSES)[number];

export type StoredSettings = Partial<OrganizationSettings>;

export interface Organization {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
  readonly type: OrganizationType;
  readonly status: OrganizationStatus;
  readonly settings: OrganizationSettings;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface OrganizationFields {
  readonly name: string;
  readonly slug: string;
  readonly type: OrganizationType;
  /** Only what was set: a default that changes must change for who never chose. */
  readonly settings: StoredSettings;
}

type Row = Omit<Organization, "id" | "settings"> & {
  readonly organizationId: string;
  readonly settings: unknown;
};

const toOrganization = ({ organizationId: id, settings, ...row }: Row): Organization => ({
  id,
  ...row,
  settings: readSettings(settings),
});

export async function find(tx: TenantTx, organizationId: string): Promise<Organization | null> {
  const row = await sql.findOrganization(tx, { organizationId });
  return row === null ? null : toOrganization(row);
}

/** The organization with what it has set itself, held until the transaction ends. */
export async function lock(
  tx: TenantTx,
  organizationId: string,
): Promise<(Organization & { readonly stored: StoredSettings }) | null> {
  const row = await sql.lockOrganization(tx, { organizationId });
  return row === null ? null : { ...toOrganization(row), stored: row.settings as StoredSettings };
}

export async function insert(
  tx: TenantTx,
  organizationId: string,
  { name, slug, type, settings }: OrganizationFields,
): Promise<Organization> {
  return toOrganization(await sql.insertOrganization(tx, { organizationId, name, slug, type, settings }));
}

export async function update(
  tx: TenantTx,
  organizationId: string,
  { name, slug, type, settings }: OrganizationFields,
): Promise<Organization> {
  return toOrganization(await sql.updateOrganization(tx, { organizationId, name, slug, type, settings }));
}

export async function updateStatus(
  tx: TenantTx,
  organizationId: string,
  status: OrganizationStatus,
): Promise<Organization> {
  return toOrganization(await sql.updateStatus(tx, { organizationId, status }));
}

export const exists = (tx: SystemTx): Promise<boolean> => sql.existsOrganization(tx);

export async function listIds(
  tx: SystemTx,
  afterId: string | null,
  limit: number,
): Promise<readonly string[]> {
  return (await sql.listIds(tx, { afterId, limit })).map(({ organizationId }) => organizationId);
}

export async function findTurn(tx: SystemTx, job: string): Promise<string | null> {
  return (await sql.findTurn(tx, { job }))?.afterId ?? null;
}

export const upsertTurn = (tx: SystemTx, job: string, afterId: string | null) =>
  sql.upsertTurn(tx, { job, afterId });

export const insertSetupCode = (tx: SystemTx, codeHash: Uint8Array, first: boolean) =>
  sql.insertSetupCode(tx, { codeHash, first });

export const pruneSetupCodes = (tx: SystemTx) => sql.pruneSetupCodes(tx);

export const existsSetupCode = (tx: TenantTx, codeHashes: readonly Uint8Array[]): Promise<boolean> =>
  sql.existsSetupCode(tx, { codeHashes });

export async function claimSetupCodes(
  tx: TenantTx,
  codeHashes: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  return (await sql.claimSetupCodes(tx, { codeHashes })).map(({ codeHash }) => codeHash);
}
