import type { Config } from "../src/config.ts";
import { withTenant } from "../src/db.ts";
import { once } from "../src/effects/effects.ts";
import { eraseSome, finishErasureIn, startErasure } from "../src/erasures/erasures.ts";
import { appendToLedger } from "../src/ledger.ts";
import { enqueue } from "../src/queue.ts";
import type { Handler } from "./runner.ts";

/** Rows of each table in one transaction: short enough never to stand in anybody's way. */
const BATCH = 500;

/** How long a request from before the erasure may go on writing, in seconds. */
const settledAfter = ({ requestTimeoutMs, statementTimeoutMs }: Config): number =>
  (requestTimeoutMs + statementTimeoutMs) / 1000;

/**
 * Erases a person, batch by batch, each in a transaction of its own. What is gone is gone, so it goes on where a crash
 * stopped it, and two at once do no harm. Before the first row the ledger outside the database knows of it: were the
 * database lost half-way and restored from a backup, it would be asked for again.
 *
 * It comes back once more before it says that it is finished: a request that read the person just before they were
 * deleted may have written about them since, a session say.
 */
export const eraseUser: Handler<"erase-user"> = async (deps, { id, payload, signal }) => {
  const { organizationId, userId } = payload;
  const running = await startErasure(deps, organizationId, userId);
  if (running === null) return;
  if (deps.config.erasureLedger !== null) {
    appendToLedger(deps.config.erasureLedger, { organizationId, userId, requestedAt: running.requestedAt });
  }
  do {
    signal.throwIfAborted();
  } while ((await eraseSome(deps, organizationId, userId, BATCH)) > 0);
  await withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
    await once(tx, id, "erased", async () => {
      const seconds = settledAfter(deps.config) - running.runningSeconds;
      if (seconds <= 0) return finishErasureIn(tx, organizationId, userId);
      await enqueue(deps.queue, tx, "erase-user", payload, { startAfterSeconds: Math.ceil(seconds) });
    });
  });
};
