/** Names of the secrets, in and out. */
import * as sql from "#sql/secrets";
import type { SystemTx } from "../../sql/tx.ts";

export async function listKeyIds(tx: SystemTx): Promise<readonly string[]> {
  return (await sql.listKeyIds(tx)).map(({ keyId }) => keyId);
}

/** Held until the transaction ends: of two nodes with different secrets only one may find the list empty. */
export const lockKeyIds = (tx: SystemTx) => sql.lockKeyIds(tx);

export const insertKeyIds = (tx: SystemTx, keyIds: readonly string[]) => sql.insertKeyIds(tx, { keyIds });
