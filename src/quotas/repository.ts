/** Rows of quotas and usage, in and out. */
import * as sql from "#sql/quotas";
import type { SystemTx, TenantTx } from "../../sql/tx.ts";

/** What the operator allows an organization. Null: as much as it likes. */
export interface Quota {
  readonly people: number | null;
  readonly storageBytes: number | null;
  /** On each node. Null: what the configuration allows every organization. */
  readonly requestsPerMinute: number | null;
}

/** What an organization uses, and is allowed. */
export interface Usage {
  /** Who is not deleted, whatever their status. */
  readonly people: number;
  /** Of the texts and documents of lessons that are not deleted. */
  readonly storageBytes: number;
  readonly allowed: Quota;
}

interface Row {
  readonly people: number;
  readonly storageBytes: number;
  readonly peopleAllowed: number | null;
  readonly storageBytesAllowed: number | null;
  readonly requestsPerMinuteAllowed: number | null;
}

const toUsage = (row: Row): Usage => ({
  people: row.people,
  storageBytes: row.storageBytes,
  allowed: {
    people: row.peopleAllowed,
    storageBytes: row.storageBytesAllowed,
    requestsPerMinute: row.requestsPerMinuteAllowed,
  },
});

export const getUsage = async (tx: TenantTx, organizationId: string): Promise<Usage> =>
  toUsage(await sql.getUsage(tx, { organizationId }));

/** The quota as it is set, held until the transaction ends; null when none ever was. */
export const lockQuota = (tx: TenantTx, organizationId: string): Promise<Quota | null> =>
  sql.lockQuota(tx, { organizationId });

export const upsertQuota = (tx: TenantTx, organizationId: string, quota: Quota): Promise<Quota> =>
  sql.upsertQuota(tx, { organizationId, ...quota });

export interface ListedUsage extends Usage {
  readonly organizationId: string;
  readonly slug: string;
  readonly status: "active" | "suspended" | "closed";
}

export async function listUsages(
  tx: SystemTx,
  afterId: string | null,
  limit: number,
): Promise<readonly ListedUsage[]> {
  const rows = await sql.listUsages(tx, { afterId, limit });
  return rows.map(({ organizationId, slug, status, ...row }) => ({
    organizationId,
    slug,
    status,
    ...toUsage(row),
  }));
}
