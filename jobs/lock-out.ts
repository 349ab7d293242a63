import { auditIn } from "../src/audit/audit.ts";
import { withTenant } from "../src/db.ts";
import { once } from "../src/effects/effects.ts";
import { endExpiredLockIn, lockGuardIn } from "../src/guard/guard.ts";
import { sendMailIn } from "../src/mail/mail.ts";
import { enqueue } from "../src/queue.ts";
import { recordSecurityEventIn } from "../src/security/security.ts";
import type { Handler } from "./runner.ts";

/**
 * What follows when a login was locked: the organization's admins see it, the person is told, and when its time has run out the lock is
 * lifted and that is seen too. The decision to lock was made where the attempt was counted and never waits for this.
 */
export const lockOut: Handler<"lockout"> = async (deps, { id, payload }) => {
  const { organizationId, guardKey, device, step } = payload;
  await withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
    await once(tx, id, step, async () => {
      const guard = await lockGuardIn(tx, organizationId, guardKey, device);
      if (guard === null) return;
      const { userId, door, failed, locks, locked, lockedUntil, secondsLeft } = guard;
      const event = { userId, door, knownDevice: device !== "", attempts: failed, lockedUntil };
      const audited = {
        outcome: "success",
        subjectId: userId,
        details: { door, attempts: failed, locks, knownDevice: device !== "" },
      } as const;
      if (step === "expired") {
        // Somebody may have signed in meanwhile, or a later lock may hold: then there is nothing to lift.
        if (await endExpiredLockIn(tx, organizationId, guardKey, device)) {
          await recordSecurityEventIn(tx, organizationId, {
            ...event,
            kind: "login_unlocked",
            lockedUntil: null,
          });
          await auditIn(tx, organizationId, { ...audited, action: "login.unlocked" });
        }
        return;
      }
      // The attempt that locked may itself have been right, and then has lifted the lock again.
      if (!locked || secondsLeft === null) return;
      await recordSecurityEventIn(tx, organizationId, { ...event, kind: "login_locked" });
      await auditIn(tx, organizationId, { ...audited, action: "login.locked" });
      // On a device of theirs it is the person who mistypes, and they see it. Of strangers who go on and on the first
      // lock is told, the second, the fourth, the eighth.
      if (userId !== null && device === "" && Number.isInteger(Math.log2(locks)) && lockedUntil !== null) {
        const values = { attempts: String(failed), until: lockedUntil.toISOString() };
        await sendMailIn(deps, tx, organizationId, { userId, template: "login_locked", values });
      }
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
