/** Rows of the history, in and out. */
import * as sql from "#sql/history";
import type { Json, TenantTx } from "../../sql/tx.ts";

/** One change of one row. Of an update, `before` and `after` hold the columns that changed. */
export interface Change {
  readonly id: string;
  readonly version: number | null;
  readonly action: "insert" | "update" | "delete";
  /** Null when nobody in particular did it: an import, a job. */
  readonly actorId: string | null;
  readonly before: Json;
  readonly after: Json;
  readonly createdAt: Date;
  /** Whether there is an older one. */
  readonly followed: boolean;
}

/** Of the changes of a page: an edit of a long lesson holds its text twice. */
const PAGE_BYTES = 1024 * 1024;

export async function list(
  tx: TenantTx,
  organizationId: string,
  tableName: string,
  rowId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly Change[]> {
  const rows = await sql.listHistory(tx, {
    organizationId,
    tableName,
    rowId,
    beforeId,
    limit,
    mostBytes: PAGE_BYTES,
  });
  return rows.map(({ historyId: id, ...change }) => ({ id, ...change }));
}
