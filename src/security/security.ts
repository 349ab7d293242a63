/** What happened to the logins of an organization: what its admins see of attacks. */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { readTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import type { SecurityEvent } from "./repository.ts";
import * as rows from "./repository.ts";

export type { SecurityEvent } from "./repository.ts";

/** Records a lock or its end. Inside the transaction of the job that follows it up. */
export async function recordSecurityEventIn(
  tx: TenantTx,
  organizationId: string,
  event: Pick<SecurityEvent, "kind" | "userId" | "knownDevice" | "attempts" | "lockedUntil">,
): Promise<void> {
  await rows.insert(tx, organizationId, event);
}

/** Locks and their ends, newest first, one more than `limit` when there are more. */
export async function listSecurityEvents(
  deps: Deps,
  actor: Actor,
  beforeId: string | null,
  limit: number,
): Promise<readonly SecurityEvent[]> {
  return readTenant(deps.db, actor, (tx) => rows.list(tx, actor.organizationId, beforeId, limit + 1));
}
