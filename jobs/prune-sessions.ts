import { pruneApiKeys } from "../src/api-keys/api-keys.ts";
import { pruneViews } from "../src/counters/counters.ts";
import { withTenant } from "../src/db.ts";
import { pruneEffects } from "../src/effects/effects.ts";
import { pruneGuards } from "../src/guard/guard.ts";
import * as idempotency from "../src/idempotency/idempotency.ts";
import { pruneImports } from "../src/imports/imports.ts";
import { pruneLinks } from "../src/links/links.ts";
import { pruneMail } from "../src/mail/mail.ts";
import { pruneRenames } from "../src/renames/renames.ts";
import { pruneAttacks, pruneSecurityEvents } from "../src/security/security.ts";
import { pruneChallenges, pruneSessions } from "../src/sessions/sessions.ts";
import { pruneSignUps } from "../src/sign-ups/sign-ups.ts";
import type { Handler } from "./runner.ts";
import { eachOrganization, type Work } from "./turns.ts";

/** Rows in one transaction: short enough never to stand in anybody's way. */
const BATCH = 500;

/**
 * Removes what has served its time, organization by organization and batch by batch: ended and expired sessions,
 * counters of attempts, old locks and attacks, answers kept for repeated requests, marks of finished jobs, who read a
 * lesson long ago. All of these stopped counting before, or are counted elsewhere from then on: this only tidies up.
 */
export const pruneSessionsJob: Handler<"prune-sessions"> = async (deps, { signal }) => {
  const prunes: readonly ((organizationId: string) => Promise<number>)[] = [
    (organizationId) => pruneSessions(deps, organizationId, BATCH),
    (organizationId) => pruneChallenges(deps, organizationId, BATCH),
    (organizationId) => pruneApiKeys(deps, organizationId, BATCH),
    (organizationId) => pruneGuards(deps, organizationId, BATCH),
    (organizationId) => pruneImports(deps, organizationId, BATCH),
    (organizationId) => pruneRenames(deps, organizationId, BATCH),
    (organizationId) => pruneLinks(deps, organizationId, BATCH),
    (organizationId) => pruneSignUps(deps, organizationId, BATCH),
    (organizationId) => pruneMail(deps, organizationId, BATCH),
    (organizationId) => pruneAttacks(deps, organizationId, BATCH),
    (organizationId) => pruneSecurityEvents(deps, organizationId, BATCH),
    (organizationId) => pruneViews(deps, organizationId, BATCH),
    (organizationId) =>
      withTenant(deps.db, { organizationId, userId: null }, (tx) =>
        idempotency.prune(tx, { organizationId, limit: BATCH }),
      ),
    (organizationId) =>
      withTenant(deps.db, { organizationId, userId: null }, (tx) => pruneEffects(tx, organizationId, BATCH)),
  ];
  const works = prunes.map(
    (prune): Work =>
      async (organizationId, late) => {
        let count = 0;
        let removed: number;
        do {
          signal.throwIfAborted();
          removed = await prune(organizationId);
          count += removed;
        } while (removed === BATCH && !late());
        return count;
      },
  );
  const count = await eachOrganization(deps, "prune-sessions", signal, works);
  if (count > 0) deps.log.info("pruned", { job: "prune-sessions", count });
};
