// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, many } from "../tx.ts";

export interface ListHistoryParams {
  readonly organizationId: string;
  readonly tableName: string;
  readonly rowId: string;
  readonly beforeId: string | null;
  readonly limit: number;
  readonly mostBytes: number;
}

export interface ListHistoryRow {
  readonly historyId: string;
  readonly version: number | null;
  readonly action: "insert" | "update" | "delete";
  readonly actorId: string | null;
  readonly before: Json;
  readonly after: Json;
  readonly createdAt: Date;
  readonly followed: boolean;
}

const listHistoryStatement: Statement = {
  name: "history/list_history",
  text: `select /* history/list_history */ history_id, version, action, actor_id, before, after, created_at, followed
from (
  select page.*, lead(history_id) over newest_first is not null as followed, row_number() over newest_first as number,
    sum(coalesce(octet_length(before::text), 0) + coalesce(octet_length(after::text), 0)) over newest_first as bytes
  from (
    select history_id, version, action, actor_id, before, after, created_at
    from app.history
    where organization_id = $1 and table_name = $2 and row_id = $3
      and ($4::uuid is null or history_id < $4)
    order by history_id desc
    limit $5::int + 1
  ) page
  window newest_first as (order by history_id desc)
) counted
where number <= $5::int and (number = 1 or bytes <= $6::int)
order by history_id desc`,
};

/** Changes of one row, newest first: as many as fit into so many bytes, and one however long. With whether an older one follows. */
export function listHistory(tx: TenantTx, params: ListHistoryParams): Promise<readonly ListHistoryRow[]> {
  return many<ListHistoryRow>(tx, listHistoryStatement, [
    params.organizationId,
    params.tableName,
    params.rowId,
    params.beforeId,
    params.limit,
    params.mostBytes,
  ]);
}
