import { withTenant } from "../src/db.ts";
import { once } from "../src/effects/effects.ts";
import { eraseSome, finishErasureIn, startErasure } from "../src/erasures/erasures.ts";
import { appendToLedger } from "../src/ledger.ts";
import type { Handler } from "./runner.ts";

/** Rows of each table in one transaction: short enough never to stand in anybody's way. */
const BATCH = 500;

/**
 * Erases a person, batch by batch, each in a transaction of its own. What is gone is gone, so it goes on where a crash
 * stopped it, and two at once do no harm. Before the first row the ledger outside the database knows of it: were the
 * database lost half-way and restored from a backup, it would be asked for again.
 */
export const eraseUser: Handler<"erase-user"> = async (deps, { id, payload, signal }) => {
  const { organizationId, userId } = payload;
  const erasure = await startErasure(deps, organizationId, userId);
  if (erasure === null) return;
  if (deps.config.erasureLedger !== null) {
    appendToLedger(deps.config.erasureLedger, { organizationId, userId, requestedAt: erasure.requestedAt });
  }
  do {
    signal.throwIfAborted();
  } while ((await eraseSome(deps, organizationId, userId, BATCH)) > 0);
  await withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
    await once(tx, id, "finished", () => finishErasureIn(tx, organizationId, userId));
  });
};
