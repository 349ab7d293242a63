/**
 * The guard before every door that a secret opens: how often somebody may try.
 *
 * It reserves, then verifies: each attempt is counted as failed and committed before a secret is looked at, and a
 * success gives it back. Deciding after the verification, or in a job, lets ten thousand guesses at once through.
 * Unknown clients share one bucket per person and door; a device on which the person has signed in before has its own,
 * so that a stranger can never lock somebody out of it.
 */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { auditIn } from "../audit/audit.ts";
import { type Db, readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { addressOf, type Device, knows, type Origin } from "../devices.ts";
import type { Keys } from "../keys.ts";
import { enqueue } from "../queue.ts";
import { lockoutOf, type OrganizationSettings } from "../settings.ts";
import { findUserByLogin, getUserIn, passwordRulesIn } from "../users/users.ts";
import type { Bucket } from "./repository.ts";
import * as rows from "./repository.ts";

/** What is guessed at. `reauthentication` is the password again, asked of somebody who is signed in. */
export type GuardedDoor =
  | "password"
  | "second_factor"
  | "recovery_code"
  | "reset"
  | "reauthentication"
  | "invitation";

/** What the guard counts apart. */
export type GuardedSecret = Exclude<GuardedDoor, "reauthentication">;

export interface Attempt {
  readonly organizationId: string;
  readonly door: GuardedDoor;
  readonly userId: string | null;
  /** What was tried, in one spelling; it names the bucket where `userId` is null. */
  readonly login: string;
  readonly device: Device | null;
  readonly origin: Origin;
  /**
   * Of somebody who is signed in and tries: the session has a bucket of its own, so that a stolen one cannot guess
   * without end and a stranger at the front door cannot lock those inside.
   */
  readonly sessionId?: string | null;
}

/**
 * Lets one attempt through the guard: reserved and committed first, verified then, given back when it succeeds. Null
 * when the bucket is locked: then take as long as a refusal does (`deps.passwords.settle`) and answer like one. A lock
 * that this attempt brings about is followed up by the `lockout` job.
 */
export async function guarded<V extends { readonly matches: boolean }>(
  deps: Deps,
  attempt: Attempt,
  settings: OrganizationSettings,
  verify: () => Promise<V>,
): Promise<V | null> {
  const { organizationId, userId } = attempt;
  const bucket = bucketOf(deps.keys, attempt);
  const nobody = { organizationId, userId: null };
  // Saves the row lock while a storm goes on; the decision is the reservation's.
  const { locked, due } = await readTenant(deps.db, nobody, (tx) => rows.findLock(tx, bucket));
  if (locked) {
    await turnAway(deps, bucket, due);
    return null;
  }
  const { attemptsAllowed } = lockoutOf(settings, 0);
  const reserved = await withTenant(deps.db, nobody, async (tx) => {
    const row = await rows.reserveAttempt(tx, bucket, {
      door: secretOf(attempt.door),
      userId,
      ip: addressOf(attempt.origin),
      attemptsAllowed,
      lockMinutes: LOCKS.map((consecutive) => lockoutOf(settings, consecutive).lockMinutes),
    });
    if (row?.nowLocked === true) {
      const guardKey = Buffer.from(bucket.guardKey).toString("hex");
      const device = Buffer.from(bucket.bucket).toString("hex");
      await enqueue(deps.queue, tx, "lockout", { organizationId, guardKey, device, step: "locked" });
    }
    return row;
  });
  if (reserved === null) {
    await turnAway(deps, bucket, false);
    return null;
  }
  let verified: V;
  try {
    verified = await verify();
  } catch (error) {
    // Nobody looked at the secret: a machine too busy to do so must not lock people out.
    await withTenant(deps.db, nobody, (tx) =>
      rows.returnAttempt(tx, bucket, reserved.sequence, attemptsAllowed),
    );
    throw error;
  }
  if (verified.matches) {
    await withTenant(deps.db, nobody, (tx) =>
      rows.forgiveAttempts(tx, bucket, reserved.sequence, attemptsAllowed),
    );
  }
  return verified;
}

/** Of each bucket that was found locked, on this node. */
interface TurnedAway {
  /** Attempts that are not noted yet. */
  attempts: number;
  /** They are being noted. */
  noting: boolean;
}
const turnedAwayOf = new WeakMap<Db, Map<string, TurnedAway>>();
/** Beyond so many the oldest is forgotten. */
const BUCKETS_REMEMBERED = 10_000;

function turnedAway(db: Db, { organizationId, guardKey, bucket }: Bucket): TurnedAway {
  const buckets = turnedAwayOf.get(db) ?? new Map<string, TurnedAway>();
  turnedAwayOf.set(db, buckets);
  const key = `${organizationId} ${Buffer.concat([guardKey, bucket]).toString("hex")}`;
  const known = buckets.get(key) ?? { attempts: 0, noting: false };
  buckets.set(key, known);
  for (const oldest of buckets.keys()) {
    if (buckets.size <= BUCKETS_REMEMBERED) break;
    buckets.delete(oldest);
  }
  return known;
}

/**
 * Counts an attempt that found the bucket locked, so that an attack that goes on is not taken for one that has ended. In
 * memory, and into the row once a minute: what is refused unseen must cost next to nothing, however many there are.
 */
async function turnAway(deps: Pick<Deps, "db" | "log">, bucket: Bucket, due: boolean): Promise<void> {
  const counted = turnedAway(deps.db, bucket);
  counted.attempts += 1;
  if (!due || counted.noting) return;
  const { organizationId } = bucket;
  const { attempts } = counted;
  counted.noting = true;
  try {
    const noted = await withTenant(deps.db, { organizationId, userId: null }, (tx) =>
      rows.noteTurnedAway(tx, bucket, attempts),
    );
    // Not when another node was first or the lock has run out: then they wait for the next time.
    if (noted) counted.attempts -= attempts;
  } catch (error) {
    // It is refused all the same.
    deps.log.warn("attempts_not_noted", { organizationId, error });
  } finally {
    counted.noting = false;
  }
}

/** Whether the person has signed in before on the device of the attempt. */
export const onKnownDevice = ({ device, userId }: Pick<Attempt, "device" | "userId">): boolean =>
  device !== null && userId !== null && knows(device, userId, today());

/**
 * Opens a person's logins again, at every door and on all devices, whatever locked them. Inside the transaction of what
 * entitles to it: an admin's word, or a new password that was set through the person's mailbox.
 */
export async function reopenLoginIn(tx: TenantTx, organizationId: string, userId: string): Promise<void> {
  await rows.deleteGuards(tx, organizationId, userId);
}

/** Opens a person's logins again. For admins. Refuses with `not_found`. */
export async function unlockUser(deps: Deps, actor: Actor, userId: string): Promise<void> {
  await withTenant(deps.db, actor, async (tx) => {
    await getUserIn(tx, actor.organizationId, userId);
    await unlockIn(tx, actor.organizationId, userId);
  });
}

/** The same for the operator. `login`: e-mail address or username. Whether there is somebody. */
export async function unlockUserOf(deps: Deps, organizationId: string, login: string): Promise<boolean> {
  return withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
    const user = await findUserByLogin(tx, organizationId, login);
    if (user === null) return false;
    await unlockIn(tx, organizationId, user.id);
    return true;
  });
}

async function unlockIn(tx: TenantTx, organizationId: string, userId: string): Promise<void> {
  await reopenLoginIn(tx, organizationId, userId);
  await auditIn(tx, organizationId, { action: "login.unlocked", outcome: "success", subjectId: userId });
}

/** The state of a guard bucket, held until the transaction ends; null when it is gone. For the `lockout` job. */
export async function lockGuardIn(tx: TenantTx, organizationId: string, guardKey: string, device: string) {
  return rows.lockGuard(tx, storedBucket(organizationId, guardKey, device));
}

/** Ends a lock whose time has run out, so that one attempt can be made. For the `lockout` job. */
export async function endExpiredLockIn(
  tx: TenantTx,
  organizationId: string,
  guardKey: string,
  device: string,
): Promise<boolean> {
  const { attemptsAllowed } = lockoutOf(await passwordRulesIn(tx, organizationId), 0);
  return (await rows.endExpiredLock(tx, storedBucket(organizationId, guardKey, device), attemptsAllowed)) > 0;
}

/** Removes at most `limit` guard buckets nobody has tried for a day. Gives their number. */
export async function pruneGuards(deps: Deps, organizationId: string, limit: number): Promise<number> {
  return withTenant(deps.db, { organizationId, userId: null }, (tx) =>
    rows.pruneGuards(tx, organizationId, limit),
  );
}

const UNKNOWN_CLIENT = new Uint8Array(0);

/** A lock of one minute that doubles has come to a day after eleven. */
const LOCKS = Array.from({ length: 12 }, (_, number) => number);

/** Both are guesses at one secret, so they count together. */
const secretOf = (door: GuardedDoor): GuardedSecret => (door === "reauthentication" ? "password" : door);

function bucketOf(keys: Keys, attempt: Attempt): Bucket {
  const { organizationId, userId, login, device, sessionId = null } = attempt;
  // A person has one bucket at a door whether they are tried by e-mail or by username.
  const who = userId === null ? ["login", login] : ["user", userId];
  const guardKey = keys.mac("guard", organizationId, secretOf(attempt.door), ...who);
  if (sessionId !== null) return { organizationId, guardKey, bucket: uuidBytes(sessionId) };
  const known = device !== null && onKnownDevice(attempt);
  return { organizationId, guardKey, bucket: known ? uuidBytes(device.id) : UNKNOWN_CLIENT };
}

const storedBucket = (organizationId: string, guardKey: string, device: string): Bucket => ({
  organizationId,
  guardKey: Buffer.from(guardKey, "hex"),
  bucket: Buffer.from(device, "hex"),
});

const today = (): number => Math.floor(Date.now() / 86_400_000);

const uuidBytes = (uuid: string): Uint8Array => Buffer.from(uuid.replaceAll("-", ""), "hex");
