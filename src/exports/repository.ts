/** What is kept about a person, out. */
import * as sql from "#sql/exports";
import type { Json, TenantTx } from "../../sql/tx.ts";

export type RecordKind = "about" | "changes" | "made";

/** The newest records of one table. */
export interface Part {
  readonly kind: RecordKind;
  readonly table: string;
  /** How many there are, also beyond those that are here. */
  readonly total: number;
  readonly records: readonly { readonly [column: string]: Json }[];
}

export async function records(tx: TenantTx, userId: string, limit: number): Promise<readonly Part[]> {
  const rows = await sql.listRecords(tx, { userId, limit });
  return rows.map(({ kind, tableName, total, records }) => ({
    kind: kind as RecordKind,
    table: tableName,
    total,
    records: records as Part["records"],
  }));
}
