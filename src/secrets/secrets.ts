/** Whether the secret of this node is the one this database was used with. */
import { withSystem } from "../db.ts";
import type { Deps } from "../deps.ts";
import * as rows from "./repository.ts";

/**
 * Remembers this node's secrets in an unused database, and says whether they fit a used one: true when at least one of
 * them is known there. With an unknown secret every session, password and code would be refused.
 */
export async function claimSecrets(deps: Pick<Deps, "db" | "keys">): Promise<boolean> {
  return withSystem(deps.db, async (tx) => {
    await rows.lockKeyIds(tx);
    const known = await rows.listKeyIds(tx);
    if (known.length > 0 && !deps.keys.ids.some((id) => known.includes(id))) return false;
    await rows.insertKeyIds(tx, deps.keys.ids);
    return true;
  });
}
