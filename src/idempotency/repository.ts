/** Rows of `app.idempotency`, of the organization that the transaction has entered. */
import { type GetAnswerRow, getAnswer, insertKey, pruneAnswers, updateAnswer } from "#sql/idempotency";
import type { TenantTx } from "../../sql/tx.ts";

/** Whether the key was free. Waits for another transaction that holds it. */
export const insert = async (
  tx: TenantTx,
  row: { readonly keyHash: Uint8Array; readonly requestHash: Uint8Array },
): Promise<boolean> => (await insertKey(tx, row)) === 1;

export const get = (tx: TenantTx, keyHash: Uint8Array): Promise<GetAnswerRow> => getAnswer(tx, { keyHash });

export const keep = (tx: TenantTx, keyHash: Uint8Array, answer: Uint8Array): Promise<number> =>
  updateAnswer(tx, { keyHash, answer });

/** How many were removed. */
export const prune = (
  tx: TenantTx,
  params: { readonly organizationId: string; readonly hours: number; readonly limit: number },
): Promise<number> => pruneAnswers(tx, params);
