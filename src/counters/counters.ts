/** How often a lesson is read, who has completed it, and what all this comes to. */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { recordDisclosure } from "../audit/audit.ts";
import { countCommentsOfIn } from "../comments/comments.ts";
import { contentNotPublished, requireVisibleContentIn } from "../contents/contents.ts";
import { readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { forbidden } from "../errors.ts";
import { mayAct } from "../permissions.ts";
import { type RatingSums, ratingsOfIn } from "../ratings/ratings.ts";
import { type Author, listAuthorsIn } from "../users/users.ts";
import type { Completion, Counts } from "./repository.ts";
import * as rows from "./repository.ts";

export { contentNotPublished } from "../contents/contents.ts";
export type { RatingSums } from "../ratings/ratings.ts";
export type { Author } from "../users/users.ts";
export type { Completion } from "./repository.ts";

export interface Statistics extends Counts {
  /** Those that everybody sees. */
  readonly comments: number;
  readonly ratings: RatingSums;
}

/**
 * Counts that the actor reads a lesson, once in each hour (UTC) however often they ask; gives whether it counted. Refuses
 * with `not_found`, and with `content_not_published` staff who look at a draft.
 */
export async function viewContent(deps: Deps, actor: Actor, contentId: string): Promise<boolean> {
  return withTenant(deps.db, actor, async (tx) => {
    await requirePublishedIn(tx, actor, contentId);
    return rows.countView(tx, actor.organizationId, contentId, actor.userId, null);
  });
}

/** Says that the actor has completed a lesson; the first time stays. Refuses as `viewContent` does. */
export async function completeContent(deps: Deps, actor: Actor, contentId: string): Promise<Completion> {
  return withTenant(deps.db, actor, async (tx) => {
    await requirePublishedIn(tx, actor, contentId);
    return rows.complete(tx, actor.organizationId, contentId, actor.userId);
  });
}

/** Takes that back; where there is nothing to take back, nothing happens. Refuses with `not_found`. */
export async function undoCompletion(deps: Deps, actor: Actor, contentId: string): Promise<void> {
  await withTenant(deps.db, actor, async (tx) => {
    await requireVisibleContentIn(tx, actor, contentId);
    await rows.undo(tx, actor.organizationId, contentId, actor.userId);
  });
}

/** Not held: what was read a moment before it was taken away was read. */
async function requirePublishedIn(tx: TenantTx, actor: Actor, contentId: string): Promise<void> {
  const { published } = await requireVisibleContentIn(tx, actor, contentId);
  if (!published) throw contentNotPublished();
}

/** What a lesson comes to, exactly, as of one moment for each kind of number. Refuses with `not_found`. */
export async function contentStatistics(deps: Deps, actor: Actor, contentId: string): Promise<Statistics> {
  const { organizationId } = actor;
  const [, counts, comments, ratings] = await readTenant(deps.db, actor, (tx) =>
    Promise.all([
      requireVisibleContentIn(tx, actor, contentId),
      rows.counts(tx, organizationId, contentId),
      countCommentsOfIn(tx, organizationId, [contentId]),
      ratingsOfIn(tx, organizationId, [contentId]),
    ]),
  );
  const sums = ratings.get(contentId);
  if (sums === undefined) throw new Error("the sums of a lesson that was asked for are missing");
  return { ...counts, comments: comments.get(contentId) ?? 0, ratings: sums };
}

/** A completion in a list; `person` where it was asked for: null of somebody who is deleted. */
export type ShownCompletion = Completion & { readonly person?: Author | null };

/**
 * Who has completed a lesson, the latest first, one more than `limit` when there are more; with what they are called in
 * one query more: for the lesson's author, and admins. That they were shown it is in the audit. Refuses with `not_found`,
 * `forbidden`.
 */
export async function listCompletions(
  deps: Deps,
  actor: Actor,
  contentId: string,
  { person }: { readonly person: boolean },
  beforeId: string | null,
  limit: number,
): Promise<readonly ShownCompletion[]> {
  const { organizationId } = actor;
  const read = async (tx: TenantTx): Promise<readonly ShownCompletion[]> => {
    const content = await requireVisibleContentIn(tx, actor, contentId);
    if (!mayAct(actor, "GET /v1/contents/:id/completions", content.createdById)) throw forbidden();
    const found = await rows.listOfContent(tx, organizationId, contentId, beforeId, limit + 1);
    if (!person) return found;
    const userIds = found.map(({ userId }) => userId);
    const people = await listAuthorsIn(tx, organizationId, userIds);
    return found.map((row) => ({ ...row, person: people.get(row.userId) ?? null }));
  };
  const found = await withTenant(deps.db, actor, read, { readOnly: true });
  const shown = found.slice(0, limit).map(({ userId }) => userId);
  await recordDisclosure(deps, actor, "user.listed", shown, "completions");
  return found;
}

/** What the actor has completed, the latest first, one more than `limit` when there are more. */
export async function listOwnCompletions(
  deps: Deps,
  actor: Actor,
  beforeId: string | null,
  limit: number,
): Promise<readonly Completion[]> {
  return readTenant(deps.db, actor, (tx) =>
    rows.listOfPerson(tx, actor.organizationId, actor.userId, beforeId, limit + 1),
  );
}

/**
 * Removes up to `limit` rows of people who have not read a lesson for 400 days, and gives how many. The sums stay what they
 * are; somebody who comes back after that counts as one more viewer.
 */
export async function pruneViews(
  deps: Pick<Deps, "db">,
  organizationId: string,
  limit: number,
): Promise<number> {
  return withTenant(deps.db, { organizationId, userId: null }, (tx) =>
    rows.pruneViews(tx, organizationId, limit),
  );
}
