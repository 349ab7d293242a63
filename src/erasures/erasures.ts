/**
 * Erasing a person: asked for by an admin, done by a job, told by a ledger. What is personal the columns themselves say
 * (`app.tag`), so nothing here names a table. What stays is a person of whom nothing is known but an id, to whom their
 * lessons and what they changed still lead.
 */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { auditIn } from "../audit/audit.ts";
import { changed, readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import type { Origin } from "../devices.ts";
import { notFound } from "../errors.ts";
import { forgetPersonIn } from "../imports/imports.ts";
import type { LedgerEntry } from "../ledger.ts";
import { forgetAddressIn } from "../links/links.ts";
import { forgetMailToIn } from "../mail/mail.ts";
import { allOrganizations } from "../organizations/organizations.ts";
import { enqueue } from "../queue.ts";
import { deleteUserIn, erasureRequested } from "../users/users.ts";
import type { ExpectedVersion } from "../versions.ts";
import type { Erasure, Running } from "./repository.ts";
import * as rows from "./repository.ts";

export { erasureRequested, lastAdmin } from "../users/users.ts";
export type { Erasure } from "./repository.ts";

export const ERASURE_STATES = ["requested", "running", "erased"] as const;

export function stateOf({ startedAt, finishedAt }: Erasure): (typeof ERASURE_STATES)[number] {
  if (finishedAt !== null) return "erased";
  return startedAt === null ? "requested" : "running";
}

/**
 * Asks for the erasure of a person: they are deleted and signed out at once, the rest is done by a job. It cannot be taken
 * back. Refuses with `not_found`, `stale`, `last_admin`, `erasure_requested`.
 */
export async function requestErasure(
  deps: Deps,
  actor: Actor,
  userId: string,
  expected: ExpectedVersion,
  origin: Origin | null,
): Promise<Erasure> {
  const { organizationId } = actor;
  return withTenant(deps.db, actor, async (tx) => {
    if ((await rows.find(tx, organizationId, userId)) !== null) throw erasureRequested();
    await deleteUserIn(tx, organizationId, userId, expected);
    if (!(await rows.insert(tx, organizationId, userId, null))) throw erasureRequested();
    await enqueue(deps.queue, tx, "erase-user", { organizationId, userId });
    await auditIn(tx, organizationId, {
      action: "erasure.requested",
      outcome: "success",
      subjectId: userId,
      origin,
    });
    return get(tx, organizationId, userId);
  });
}

/**
 * As `requestErasure`, in the transaction of what brings it about: a ledger, or an account nobody ever took into use. Also
 * of the last admin. Doing it again does no harm. `requestedAt` null: now.
 */
export async function requestErasureIn(
  deps: Pick<Deps, "queue">,
  tx: TenantTx,
  organizationId: string,
  userId: string,
  from: "ledger" | "unconfirmed",
  requestedAt: Date | null = null,
): Promise<void> {
  await deleteUserIn(tx, organizationId, userId, "*", { lastToo: true });
  await rows.insert(tx, organizationId, userId, requestedAt);
  await enqueue(deps.queue, tx, "erase-user", { organizationId, userId });
  await auditIn(tx, organizationId, {
    action: "erasure.requested",
    outcome: "success",
    subjectId: userId,
    details: { from },
  });
}

/** How far the erasure of a person is. Refuses with `not_found` also when it was never asked for. */
export async function getErasure(deps: Deps, actor: Actor, userId: string): Promise<Erasure> {
  return readTenant(deps.db, actor, (tx) => get(tx, actor.organizationId, userId));
}

async function get(tx: TenantTx, organizationId: string, userId: string): Promise<Erasure> {
  const erasure = await rows.find(tx, organizationId, userId);
  if (erasure === null) throw notFound();
  return erasure;
}

/** Erasures, the latest first, one more than `limit` when there are more. */
export async function listErasures(
  deps: Deps,
  actor: Actor,
  beforeId: string | null,
  limit: number,
): Promise<readonly Erasure[]> {
  return readTenant(deps.db, actor, (tx) => rows.list(tx, actor.organizationId, beforeId, limit + 1));
}

/** Marks an erasure as under way; gives null when it is finished or was never asked for. */
export async function startErasure(
  deps: Pick<Deps, "db" | "keys">,
  organizationId: string,
  userId: string,
): Promise<Running | null> {
  return withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
    const running = await rows.start(tx, organizationId, userId);
    if (running === null) return null;
    // By the number and the address that are erased next.
    await forgetPersonIn(tx, organizationId, userId);
    await forgetAddressIn(tx, organizationId, userId);
    await forgetMailToIn(deps, tx, organizationId, userId);
    return running;
  });
}

/**
 * Erases at most `limit` rows of each table, in a transaction of its own; gives how many there were. The erasure must be
 * under way. Doing it again after a crash goes on from there.
 */
export async function eraseSome(
  deps: Pick<Deps, "db">,
  organizationId: string,
  userId: string,
  limit: number,
): Promise<number> {
  return withTenant(deps.db, { organizationId, userId: null }, (tx) => rows.erase(tx, userId, limit));
}

/**
 * Marks an erasure as finished when nothing is left to erase; what is cached of people is forgotten with it. Throws when
 * something was left: the job tries again.
 */
export async function finishErasureIn(tx: TenantTx, organizationId: string, userId: string): Promise<void> {
  if ((await rows.erase(tx, userId, 1)) > 0) throw new Error("something personal came up during an erasure");
  if (!(await rows.finish(tx, organizationId, userId))) return;
  await auditIn(tx, organizationId, { action: "erasure.finished", outcome: "success", subjectId: userId });
  changed(tx, "users");
}

const PAGE = 500;

/** Every erasure of every organization that was asked for, the latest of each first. */
export async function* ledger(deps: Pick<Deps, "db">): AsyncGenerator<LedgerEntry> {
  for await (const organizationId of allOrganizations(deps)) {
    let beforeId: string | null = null;
    do {
      const before: string | null = beforeId;
      const page: readonly Erasure[] = await readTenant(deps.db, { organizationId, userId: null }, (tx) =>
        rows.list(tx, organizationId, before, PAGE),
      );
      for (const { userId, requestedAt } of page) yield { organizationId, userId, requestedAt };
      beforeId = page.at(-1)?.id ?? null;
    } while (beforeId !== null);
  }
}

/**
 * Asks again for every erasure of a ledger whose person is here and not erased, as after a restore; gives how many there
 * are. Also the last admin is erased. Doing it again does no harm.
 */
export async function replayErasures(
  deps: Pick<Deps, "db" | "queue">,
  entries: readonly LedgerEntry[],
): Promise<number> {
  let replayed = 0;
  for (const [organizationId, each] of Map.groupBy(entries, (entry) => entry.organizationId)) {
    const asked = new Map(each.map(({ userId, requestedAt }) => [userId, requestedAt]));
    const userIds = [...asked.keys()];
    for (let start = 0; start < userIds.length; start += PAGE) {
      replayed += await withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
        const due = await rows.unerased(tx, organizationId, userIds.slice(start, start + PAGE));
        for (const userId of due) {
          await requestErasureIn(deps, tx, organizationId, userId, "ledger", asked.get(userId) ?? null);
        }
        return due.length;
      });
    }
  }
  return replayed;
}
