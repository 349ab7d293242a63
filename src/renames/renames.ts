/**
 * Tags and skills by another name, throughout an organization: one word, or several that become one. A job does it batch
 * by batch, each in a transaction of its own that also says how far it is, so that nothing is done twice or left out
 * whatever happens to the job, and nobody waits for all of it.
 *
 * What somebody writes meanwhile with an old word is renamed as well, by going through all once more until nothing was
 * left to do. Afterwards an old word is a word like any other: there is no alias that would have to be known of for ever.
 */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { auditIn } from "../audit/audit.ts";
import { onConstraint, readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { invalidRequest, notFound, refusal } from "../errors.ts";
import { mayAct } from "../permissions.ts";
import { enqueue, type Job } from "../queue.ts";
import type { Progress, Rename, RenameFailure, RenameSubject, Words } from "./repository.ts";
import * as rows from "./repository.ts";

export { RENAME_FAILURES, RENAME_STATES, type Rename, type RenameSubject, type Words } from "./repository.ts";

export const renameUnderWay = refusal("conflict", "rename_under_way", "Another renaming is under way");

/** Somebody who goes on writing the old words must not keep a job going for ever. */
const PASSES = 10;

const OPERATIONS = { tags: "POST /v1/tags/rename", skills: "POST /v1/skills/rename" } as const;
const REQUESTED = { tags: "tag.rename_requested", skills: "skill.rename_requested" } as const;
const ENDED = { tags: "tag.rename_ended", skills: "skill.rename_ended" } as const;

/**
 * Has words renamed by a job: each of `from`, written exactly like that, is called `to`, which loses white space around it
 * and is kept in NFC. Refuses with `invalid_request` where nothing would change, and with `rename_under_way`.
 */
export async function requestRename(
  deps: Deps,
  actor: Actor,
  subject: RenameSubject,
  given: Words,
): Promise<Rename> {
  const { organizationId } = actor;
  const to = given.to.normalize("NFC").trim();
  const from = [...new Set(given.from)].filter((word) => word !== to);
  if (from.length === 0) {
    throw invalidRequest({ errors: [{ pointer: "#/from", detail: "must name something else than `to`" }] });
  }
  return withTenant(deps.db, actor, async (tx) => {
    await rows.failStale(tx, organizationId);
    const made = await onConstraint(tx, { rename_under_way: () => renameUnderWay() }, (inner) =>
      rows.insert(inner, organizationId, subject, { from, to }, actor.apiKeyId ?? null),
    );
    await enqueue(deps.queue, tx, "rename-words", { organizationId, renameId: made.id });
    await auditIn(tx, organizationId, {
      action: REQUESTED[subject],
      outcome: "success",
      targetType: "rename",
      targetId: made.id,
      details: { words: from.length },
    });
    return made;
  });
}

/** How far a renaming is. Kept for a week after it has ended. Refuses with `not_found`. */
export async function getRename(
  deps: Deps,
  actor: Actor,
  subject: RenameSubject,
  renameId: string,
): Promise<Rename> {
  const { organizationId } = actor;
  const found = await readTenant(deps.db, actor, (tx) => rows.find(tx, organizationId, subject, renameId));
  if (found === null) throw notFound();
  return found;
}

/**
 * Renames in the next few that come after `afterId`, and says how many they were and where they end; null: there were no
 * more. Inside a transaction.
 */
export type RenameBatch = (
  deps: Deps,
  tx: TenantTx,
  organizationId: string,
  words: Words,
  afterId: string | null,
) => Promise<{ readonly changed: number; readonly lastId: string } | null>;

/**
 * Works off a renaming that was requested. Doing so again, or half and again, is the same. It fails once whoever asked for
 * it could no longer do so; what was renamed until then stays.
 */
export async function workOffRename(
  deps: Deps,
  { payload: { organizationId, renameId }, signal, lastAttempt }: Job<"rename-words">,
  batches: Readonly<Record<RenameSubject, RenameBatch>>,
): Promise<void> {
  // In nobody's name: whoever has a word renamed has not written the lessons, and may still approve them.
  const system = { organizationId, userId: null };
  try {
    for (let going = true; going; ) {
      signal.throwIfAborted();
      going = await withTenant(deps.db, system, async (tx) => {
        const asked = await rows.lock(tx, organizationId, renameId);
        if (asked === null) return false;
        const { subject, words, progress } = asked;
        const stopped = stoppedBy(asked, subject);
        if (stopped !== null) {
          await endIn(tx, organizationId, renameId, stopped);
          return false;
        }
        const batch = await batches[subject](deps, tx, organizationId, words, progress.afterId);
        const next = after(progress, batch);
        if (next === null) {
          await endIn(tx, organizationId, renameId, null);
          return false;
        }
        await rows.advance(tx, organizationId, renameId, next, batch?.changed ?? 0);
        return true;
      });
    }
  } catch (error) {
    if (lastAttempt) {
      await withTenant(deps.db, system, (tx) => endIn(tx, organizationId, renameId, "not_worked_off"));
    }
    throw error;
  }
}

/** Where to go on; null: nothing is left to do. */
function after(
  { pass, passCount }: Progress,
  batch: { readonly changed: number; readonly lastId: string } | null,
): Progress | null {
  if (batch !== null) return { pass, afterId: batch.lastId, passCount: passCount + batch.changed };
  return passCount === 0 || pass >= PASSES ? null : { pass: pass + 1, afterId: null, passCount: 0 };
}

/** Why a renaming may not go on; null: it may, which then stays so until the transaction ends. */
function stoppedBy(
  { organizationActive, role, apiKeyGood }: NonNullable<Awaited<ReturnType<typeof rows.lock>>>,
  subject: RenameSubject,
): RenameFailure | null {
  if (!organizationActive) return "organization_not_active";
  // Whose it is makes no difference to who may rename.
  if (role === null || !mayAct({ role, userId: "" }, OPERATIONS[subject], null))
    return "requester_not_allowed";
  return apiKeyGood ? null : "api_key_ended";
}

async function endIn(
  tx: TenantTx,
  organizationId: string,
  renameId: string,
  failure: RenameFailure | null,
): Promise<void> {
  const ended = await rows.finish(tx, organizationId, renameId, failure);
  if (ended === null) return;
  await auditIn(tx, organizationId, {
    action: ENDED[ended.subject],
    outcome: failure === null ? "success" : "refused",
    targetType: "rename",
    targetId: renameId,
    details: { changed: ended.changedCount, ...(failure === null ? {} : { reason: failure }) },
  });
}

/**
 * Gives up renamings whose job is dead, and removes those that ended a week ago, at most `limit`. Gives how many were
 * removed.
 */
export async function pruneRenames(deps: Deps, organizationId: string, limit: number): Promise<number> {
  return withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
    await rows.failStale(tx, organizationId);
    return rows.prune(tx, organizationId, limit);
  });
}
