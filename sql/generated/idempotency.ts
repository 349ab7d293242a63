// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, one } from "../tx.ts";

export interface GetAnswerParams {
  readonly keyHash: Uint8Array;
}

export interface GetAnswerRow {
  readonly requestHash: Uint8Array;
  readonly answer: Uint8Array | null;
}

const getAnswerStatement: Statement = {
  name: "idempotency/get_answer",
  text: `select /* idempotency/get_answer */ request_hash, answer
from app.idempotency
where organization_id = app.org() and key_hash = $1`,
};

/** What was answered to the request that claimed this key. */
export function getAnswer(tx: TenantTx, params: GetAnswerParams): Promise<GetAnswerRow> {
  return one<GetAnswerRow>(tx, getAnswerStatement, [params.keyHash]);
}

export interface InsertKeyParams {
  readonly keyHash: Uint8Array;
  readonly requestHash: Uint8Array;
}

const insertKeyStatement: Statement = {
  name: "idempotency/insert_key",
  text: `insert /* idempotency/insert_key */ into app.idempotency (organization_id, key_hash, request_hash)
values (app.org(), $1, $2)
on conflict (organization_id, key_hash) do nothing`,
};

/**
 * Claims a key. Waits for another transaction that has claimed it and not ended yet; 0 when the key is taken. The organization is
 * the one that was entered: whoever wraps a transaction is not told whose it is.
 */
export function insertKey(tx: TenantTx, params: InsertKeyParams): Promise<number> {
  return count(tx, insertKeyStatement, [params.keyHash, params.requestHash]);
}

export interface PruneAnswersParams {
  readonly organizationId: string;
  readonly hours: number;
  readonly limit: number;
}

const pruneAnswersStatement: Statement = {
  name: "idempotency/prune_answers",
  text: `with /* idempotency/prune_answers */ old as materialized (
  select key_hash from app.idempotency
  where organization_id = $1 and created_at < now() - make_interval(hours => $2::int)
  order by created_at
  limit $3::int
  for update skip locked
)
delete from app.idempotency i
using old
where i.organization_id = $1 and i.key_hash = old.key_hash`,
};

/** Removes answers kept for longer than so many hours, at most so many at a time. */
export function pruneAnswers(tx: TenantTx, params: PruneAnswersParams): Promise<number> {
  return count(tx, pruneAnswersStatement, [params.organizationId, params.hours, params.limit]);
}

export interface UpdateAnswerParams {
  readonly answer: Uint8Array;
  readonly keyHash: Uint8Array;
}

const updateAnswerStatement: Statement = {
  name: "idempotency/update_answer",
  text: `update /* idempotency/update_answer */ app.idempotency set answer = $1
where organization_id = app.org() and key_hash = $2`,
};

/** Keeps the answer to the request that claimed this key. */
export function updateAnswer(tx: TenantTx, params: UpdateAnswerParams): Promise<number> {
  return count(tx, updateAnswerStatement, [params.answer, params.keyHash]);
}
