// Written by `bun run sql`. Do not edit.
import { type Statement, type SystemTx, count, many, one } from "../tx.ts";

export interface InsertKeyIdsParams {
  readonly keyIds: readonly string[];
}

const insertKeyIdsStatement: Statement = {
  name: "secrets/insert_key_ids",
  text: `insert /* secrets/insert_key_ids */ into app.secret_key (key_id)
select unnest($1::text[])
on conflict (key_id) do nothing`,
};

/** Remembers the names of secrets. */
export function insertKeyIds(tx: SystemTx, params: InsertKeyIdsParams): Promise<number> {
  return count(tx, insertKeyIdsStatement, [params.keyIds]);
}

export interface ListKeyIdsRow {
  readonly keyId: string;
}

const listKeyIdsStatement: Statement = {
  name: "secrets/list_key_ids",
  text: `select /* secrets/list_key_ids */ key_id from app.secret_key order by created_at, key_id`,
};

/** The names of the secrets this database was used with. */
export function listKeyIds(tx: SystemTx): Promise<readonly ListKeyIdsRow[]> {
  return many<ListKeyIdsRow>(tx, listKeyIdsStatement, []);
}

const lockKeyIdsStatement: Statement = {
  name: "secrets/lock_key_ids",
  text: `select /* secrets/lock_key_ids */ pg_advisory_xact_lock(7283642416)`,
};

/** Makes nodes that start at the same moment look at the names of secrets one after another. */
export function lockKeyIds(tx: SystemTx): Promise<void> {
  return one(tx, lockKeyIdsStatement, []).then(() => undefined);
}
