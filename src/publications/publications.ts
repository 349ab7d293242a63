/** Publishing lessons: several as one, and those whose time has come. */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import {
  liveChanged,
  ownWork,
  refusalsToApproveIn,
  refusalToWrite,
  SLUG_LIVE,
  slugTaken,
} from "../contents/contents.ts";
import { changed, onConstraint, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { notFound, Refusal } from "../errors.ts";
import type { MemberOperation } from "../permissions.ts";
import type { ExpectedVersion } from "../versions.ts";
import { refusalToTransition } from "../workflow.ts";
import type { Published } from "./repository.ts";
import * as rows from "./repository.ts";

export type { Content } from "../contents/contents.ts";
export { illegalTransition, scheduleContent, scheduleUnordered } from "../contents/contents.ts";
export type { Published } from "./repository.ts";
export { ownWork, slugTaken };

/** A lesson to be published, in the version that was read. */
export interface PublicationTarget {
  readonly id: string;
  readonly version: ExpectedVersion;
}

/**
 * Holds lessons until the transaction ends, and gives why one of them cannot be published by the actor: `not_found`,
 * `forbidden`, `stale`, `illegal_status_transition`, `own_work`, `precondition_required`; null when it can. As many statements
 * for a thousand lessons as for one.
 */
export async function refusalsToPublishIn(
  tx: TenantTx,
  actor: Actor,
  operation: MemberOperation,
  contentIds: readonly string[],
): Promise<(target: PublicationTarget) => Refusal | null> {
  const held = await rows.lock(tx, actor.organizationId, contentIds);
  const unapproved = [...held.values()].filter(({ status }) => status !== "approved").map(({ id }) => id);
  const refusalToApprove = await refusalsToApproveIn(tx, actor, unapproved);
  return ({ id, version }) => {
    const content = held.get(id.toLowerCase()) ?? null;
    const refused = refusalToWrite(actor, operation, content, version);
    if (refused !== null || content === null) return refused ?? notFound();
    const illegal = refusalToTransition("publish", content);
    if (illegal !== null || content.status === "approved") return illegal;
    return refusalToApprove(content.id, version);
  };
}

/**
 * Shows the texts of lessons, which are held and may be published, to readers. One statement, one job for the search.
 * Refuses with `content_slug_taken`, and then none is published. Inside a transaction.
 */
export async function publishIn(
  deps: Deps,
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
): Promise<readonly Published[]> {
  const published = await onConstraint(tx, SLUG_LIVE, (inner) =>
    rows.publish(inner, organizationId, contentIds),
  );
  await liveChanged(deps, tx, organizationId, published);
  return published;
}

/**
 * Publishes and unpublishes lessons whose time has come, at most `limit`; gives how many it looked at. The rows decide: of
 * two who do so at once each lesson is done by one. One whose slug readers have for another lesson by now stays approved,
 * its publication called off. For the jobs.
 */
export async function publishDue(deps: Deps, organizationId: string, limit: number): Promise<number> {
  const nobody = { organizationId, userId: null };
  const due = await withTenant(deps.db, nobody, (tx) => rows.listDue(tx, organizationId, limit), {
    readOnly: true,
  });
  for (const contentId of due) {
    try {
      await withTenant(deps.db, nobody, async (tx) => {
        const content = await onConstraint(tx, SLUG_LIVE, (inner) =>
          rows.publishDue(inner, organizationId, contentId),
        );
        if (content !== null) await liveChanged(deps, tx, organizationId, [content]);
      });
    } catch (error) {
      if (!(error instanceof Refusal) || error.slug !== slugTaken.slug) throw error;
      deps.log.warn("publication_called_off", { organizationId });
      await withTenant(deps.db, nobody, async (tx) => {
        await rows.callOff(tx, organizationId, contentId);
        changed(tx, "contents");
      });
    }
  }
  return due.length;
}
