/**
 * What happened to the logins of an organization: what its admins see of locks and attacks.
 *
 * An attack is told from what the guard has counted, after the fact. It refuses nobody: what bounds a spray is the guard
 * before each login, and honest people share an address with hundreds of others.
 */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { auditIn } from "../audit/audit.ts";
import { readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { sendMailIn } from "../mail/mail.ts";
import type { Attack, SecurityEvent, Suspicion, SuspicionLimits } from "./repository.ts";
import * as rows from "./repository.ts";

export type { Attack, SecurityEvent } from "./repository.ts";

/** Records a lock or its end. Inside the transaction of the job that follows it up. */
export async function recordSecurityEventIn(
  tx: TenantTx,
  organizationId: string,
  event: Pick<SecurityEvent, "kind" | "door" | "userId" | "knownDevice" | "attempts" | "lockedUntil">,
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

/** Attacks, the latest begun first, one more than `limit` when there are more. `open`: null for all. */
export async function listAttacks(
  deps: Deps,
  actor: Actor,
  open: boolean | null,
  beforeId: string | null,
  limit: number,
): Promise<readonly Attack[]> {
  return readTenant(deps.db, actor, (tx) =>
    rows.listAttacks(tx, actor.organizationId, open, beforeId, limit + 1),
  );
}

/**
 * What is no classroom any more. Thirty logins from one place within an hour, none followed by a success, and more than
 * three for every ten people who got in from there: three hundred pupils of whom one in twenty mistypes stay far below
 * both. Twice locked out in a row is at least half an hour of trying.
 */
const SUSPICIOUS: SuspicionLimits = { accountsFromOne: 30, accountsFromMany: 100, share: 0.3, locks: 2 };

/** Admins who are told of an attack, at most. */
const ADMINS_TOLD = 50;

/**
 * Looks for attacks on an organization: opens, carries on and ends them, and tells the admins, once an hour of each.
 * Gives how many go on. For the `watch-sign-ins` job.
 */
export async function watchSignIns(deps: Deps, organizationId: string): Promise<number> {
  const nobody = { organizationId, userId: null };
  return withTenant(deps.db, nobody, async (tx) => {
    const suspicions = await rows.listSuspicions(tx, organizationId, SUSPICIOUS);
    for (const suspicion of suspicions) {
      const { attackId } = await rows.upsertAttack(tx, organizationId, suspicion);
      if (!(await rows.claimNotice(tx, organizationId, attackId))) continue;
      const { kind, userId, accounts, attempts } = suspicion;
      await auditIn(tx, organizationId, {
        action: "attack.suspected",
        outcome: "success",
        subjectId: userId,
        targetType: "attack",
        targetId: attackId,
        details: { kind, accounts, attempts },
      });
      await tellAdminsIn(deps, tx, organizationId, suspicion);
    }
    await rows.endAttacks(tx, organizationId);
    return suspicions.length;
  });
}

async function tellAdminsIn(
  deps: Deps,
  tx: TenantTx,
  organizationId: string,
  { accounts, attempts, network }: Suspicion,
): Promise<void> {
  const values = {
    accounts: String(accounts),
    attempts: String(attempts),
    ...(network === null ? {} : { addresses: network }),
  };
  for (const { userId } of await rows.listAdmins(tx, organizationId, ADMINS_TOLD)) {
    await sendMailIn(deps, tx, organizationId, { userId, template: "attack_suspected", values });
  }
}

/** Removes at most `limit` locks and ends of locks of ninety days ago. Gives their number. */
export async function pruneSecurityEvents(
  deps: Deps,
  organizationId: string,
  limit: number,
): Promise<number> {
  return withTenant(deps.db, { organizationId, userId: null }, (tx) =>
    rows.pruneEvents(tx, organizationId, limit),
  );
}

/** Removes at most `limit` attacks that ended ninety days ago. Gives their number. */
export async function pruneAttacks(deps: Deps, organizationId: string, limit: number): Promise<number> {
  return withTenant(deps.db, { organizationId, userId: null }, (tx) =>
    rows.pruneAttacks(tx, organizationId, limit),
  );
}
