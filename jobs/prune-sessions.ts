import { pruneApiKeys } from "../src/api-keys/api-keys.ts";
import { withTenant } from "../src/db.ts";
import { pruneEffects } from "../src/effects/effects.ts";
import { pruneGuards } from "../src/guard/guard.ts";
import * as idempotency from "../src/idempotency/idempotency.ts";
import { pruneImports } from "../src/imports/imports.ts";
import { pruneLinks } from "../src/links/links.ts";
import { pruneMail } from "../src/mail/mail.ts";
import { allOrganizations } from "../src/organizations/organizations.ts";
import { pruneAttacks } from "../src/security/security.ts";
import { pruneChallenges, pruneSessions } from "../src/sessions/sessions.ts";
import { pruneSignUps } from "../src/sign-ups/sign-ups.ts";
import type { Handler } from "./runner.ts";

/** Rows in one transaction: short enough never to stand in anybody's way. */
const BATCH = 500;

/**
 * Removes what has served its time, organization by organization and batch by batch: ended and expired sessions,
 * counters of attempts, old attacks, answers kept for repeated requests, marks of finished jobs. All of these stopped counting
 * before: this only tidies up.
 */
export const pruneSessionsJob: Handler<"prune-sessions"> = async (deps, { signal }) => {
  let count = 0;
  for await (const organizationId of allOrganizations(deps)) {
    const tenant = { organizationId, userId: null };
    const prunes = [
      () => pruneSessions(deps, organizationId, BATCH),
      () => pruneChallenges(deps, organizationId, BATCH),
      () => pruneApiKeys(deps, organizationId, BATCH),
      () => pruneGuards(deps, organizationId, BATCH),
      () => pruneImports(deps, organizationId, BATCH),
      () => pruneLinks(deps, organizationId, BATCH),
      () => pruneSignUps(deps, organizationId, BATCH),
      () => pruneMail(deps, organizationId, BATCH),
      () => pruneAttacks(deps, organizationId, BATCH),
      () => withTenant(deps.db, tenant, (tx) => idempotency.prune(tx, { organizationId, limit: BATCH })),
      () => withTenant(deps.db, tenant, (tx) => pruneEffects(tx, organizationId, BATCH)),
    ];
    for (const prune of prunes) {
      let removed: number;
      do {
        signal.throwIfAborted();
        removed = await prune();
        count += removed;
      } while (removed === BATCH);
    }
  }
  if (count > 0) deps.log.info("pruned", { job: "prune-sessions", count });
};
