import { withTenant } from "../src/db.ts";
import { once } from "../src/effects/effects.ts";
import { endExpiredLockIn, lockGuardIn } from "../src/guard/guard.ts";
import { enqueue } from "../src/queue.ts";
import { recordSecurityEventIn } from "../src/security/security.ts";
import type { Handler } from "./runner.ts";

/**
 * What follows when a login was locked: the organization's admins see it, and when its time has run out the lock is
 * lifted and that is seen too. The decision to lock was made where the attempt was counted and never waits for this.
 */
export const lockOut: Handler<"lockout"> = async (deps, { id, payload }) => {
  const { organizationId, guardKey, device, step } = payload;
  await withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
    await once(tx, id, step, async () => {
      const guard = await lockGuardIn(tx, organizationId, guardKey, device);
      if (guard === null) return;
      const { userId, failed, locked, lockedUntil, secondsLeft } = guard;
      const event = { userId, knownDevice: device !== "", attempts: failed, lockedUntil };
      if (step === "expired") {
        // Somebody may have signed in meanwhile, or a later lock may hold: then there is nothing to lift.
        if (await endExpiredLockIn(tx, organizationId, guardKey, device)) {
          await recordSecurityEventIn(tx, organizationId, {
            ...event,
            kind: "login_unlocked",
            lockedUntil: null,
          });
        }
        return;
      }
      // The attempt that locked may itself have been right, and then has lifted the lock again.
      if (!locked || secondsLeft === null) return;
      await recordSecurityEventIn(tx, organizationId, { ...event, kind: "login_locked" });
      if (secondsLeft > LONGEST_LOCK_SECONDS) return;
      await enqueue(
        deps.queue,
        tx,
        "lockout",
        { organizationId, guardKey, device, step: "expired" },
        // By the database's clock, which also lifts the lock.
        { startAfterSeconds: Math.ceil(secondsLeft) + 1 },
      );
    });
  });
};

/** A lock that ends later than this ends only by somebody's help. */
const LONGEST_LOCK_SECONDS = 2 * 86_400;
