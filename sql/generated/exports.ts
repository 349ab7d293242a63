// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, many } from "../tx.ts";

export interface ListRecordsParams {
  readonly userId: string;
  readonly limit: number;
}

export interface ListRecordsRow {
  readonly kind: string;
  readonly tableName: string;
  readonly total: number;
  readonly records: Json;
}

const listRecordsStatement: Statement = {
  name: "exports/list_records",
  text: `select /* exports/list_records */ kind, table_name, total, records from app.person_records($1, $2::int)`,
};

/** All that is kept about a person, the newest rows of each table, and how many there are. */
export function listRecords(tx: TenantTx, params: ListRecordsParams): Promise<readonly ListRecordsRow[]> {
  return many<ListRecordsRow>(tx, listRecordsStatement, [params.userId, params.limit]);
}
