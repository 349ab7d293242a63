/** What was changed, by whom, and what it was before. Written by the database itself, in the transaction of the change. */
import type { TenantTx } from "../../sql/tx.ts";
import type { Change } from "./repository.ts";
import * as rows from "./repository.ts";

export type { Change } from "./repository.ts";

/**
 * Changes of one row, newest first, at most `limit`, and fewer where they are long: the last one tells whether an older one
 * follows. Whoever calls has found out who may see the row.
 */
export async function listChanges(
  tx: TenantTx,
  organizationId: string,
  table: "user" | "content" | "organization" | "profile" | "comment",
  rowId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly Change[]> {
  return rows.list(tx, organizationId, table, rowId, beforeId, limit);
}
