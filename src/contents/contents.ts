/** Lessons: who may read them, write them, publish them and take them away. */
import { createHash } from "node:crypto";
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { auditIn } from "../audit/audit.ts";
import { cached } from "../cache.ts";
import { changed, onConstraint, readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import {
  forbidden,
  inUse,
  invalidRequest,
  notFound,
  oneKeyNeeded,
  preconditionRequired,
  type Refusal,
  refusal,
  stale,
} from "../errors.ts";
import { type Change, listChanges } from "../history/history.ts";
import { languageCode } from "../languages.ts";
import { renderMarkdown } from "../markdown.ts";
import { type MemberOperation, mayAct } from "../permissions.ts";
import { enqueue } from "../queue.ts";
import { STORAGE_QUOTA } from "../quotas/quotas.ts";
import { removeDocumentsIn } from "../search/search.ts";
import { authorsMayApprove } from "../settings.ts";
import { slugify } from "../slugs.ts";
import { settingsIn } from "../users/users.ts";
import { type ExpectedVersion, isStale, requireVersion } from "../versions.ts";
import { type ContentAction, requireTransition } from "../workflow.ts";
import type { Content, ContentFields, ContentKey, ImportedContent, VisibleContent } from "./repository.ts";
import * as rows from "./repository.ts";

export type { Change } from "../history/history.ts";
export { quotaStorageReached } from "../quotas/quotas.ts";
export { CONTENT_STATUSES, illegalTransition } from "../workflow.ts";
export {
  CONTENT_TYPES,
  type Content,
  type ContentFields,
  type ContentKey,
  type ContentSummary,
  DIFFICULTY_LEVELS,
  type ImportedContent,
  type JsonObject,
  type VisibleContent,
} from "./repository.ts";

export const slugTaken = refusal("conflict", "content_slug_taken", "Another lesson has this slug");
export const sourceIdTaken = refusal(
  "conflict",
  "content_source_id_taken",
  "Another lesson has this source id",
);
export const ownWork = refusal(
  "forbidden",
  "own_work",
  "What somebody has written must be approved by somebody else",
);
export const contentNotPublished = refusal(
  "conflict",
  "content_not_published",
  "The lesson is not published: nobody reads it yet",
);
export const contentNotDeleted = refusal("conflict", "content_not_deleted", "The lesson is not deleted");

/** Drafts may exchange their slugs; what readers ask for by one is one lesson. */
export const SLUG_LIVE = {
  publication_slug_unique: () => slugTaken({ detail: "Readers see another lesson under this slug." }),
};
const TAKEN = {
  ...SLUG_LIVE,
  content_slug_unique: () => slugTaken(inUse("slug")),
  content_source_unique: () => sourceIdTaken(inUse("sourceId")),
  ...STORAGE_QUOTA,
};
/** Where no body was sent that a refusal could point into. */
export const TAKEN_SINCE = {
  ...SLUG_LIVE,
  content_slug_unique: () => slugTaken(),
  content_source_unique: () => sourceIdTaken(),
  ...STORAGE_QUOTA,
};

/** Bytes of a lesson's body, as the table takes them. */
export const BODY_BYTES = 4 * 1024 * 1024;

/** Why a body cannot be stored: `invalid_request`. Null: it can, or none is given. */
export function refusalToBody({ body }: { readonly body?: string }): Refusal | null {
  if (body === undefined || Buffer.byteLength(body) <= BODY_BYTES) return null;
  return invalidRequest({ errors: [{ pointer: "#/body", detail: `must have at most ${BODY_BYTES} bytes` }] });
}

export type ContentInput = Partial<ContentFields> & { readonly title: string };
export type ContentPatch = Partial<ContentFields>;

/** Who looks, as far as it matters to what they see. */
export type Viewer = Pick<Actor, "organizationId" | "role">;

const isStaff = (actor: Viewer): boolean => actor.role === "admin" || actor.role === "teacher";

/** What staff may ask for: the text they write, or the one that readers see. */
export const CONTENT_VIEWS = ["working", "live"] as const;
export type ContentView = (typeof CONTENT_VIEWS)[number];

/**
 * A lesson. Staff get the working copy unless they ask for what is live; others get what is live, whatever they ask for.
 * Refuses with `not_found` one that is not there, deleted, or of which nothing is live and that is what was asked for.
 */
export async function getContent(
  deps: Deps,
  actor: Actor,
  contentId: string,
  view: ContentView = "working",
): Promise<Content> {
  const live = view === "live" || !isStaff(actor);
  const { organizationId } = actor;
  const content = await cached(
    deps.cache,
    {
      organizationId,
      visibility: live ? "published" : "staff",
      topic: "contents",
      generation: actor.generations.contents,
      args: { read: "contents.get", contentId },
    },
    () =>
      readTenant(deps.db, actor, (tx) =>
        live
          ? rows.findPublication(tx, organizationId, contentId)
          : rows.find(tx, organizationId, contentId, { includeDeleted: false }),
      ),
  );
  if (content === null) throw notFound();
  return content;
}

/**
 * The one lesson with this slug or source id, as `getContent` gives it: others than staff find what is live, by the slug it
 * is live under. Refuses with `one_key_needed` none of them and both, and with `not_found`.
 */
export async function lookUpContent(deps: Deps, actor: Actor, key: ContentKey): Promise<Content> {
  if ((key.slug === undefined) === (key.sourceId === undefined)) throw oneKeyNeeded();
  const { organizationId } = actor;
  const live = !isStaff(actor);
  // Not readTenant: the second statement follows from the first.
  const content = await withTenant(
    deps.db,
    actor,
    async (tx) => {
      const contentId = await rows.findId(tx, organizationId, key, { live });
      if (contentId === null) return null;
      return live
        ? rows.findPublication(tx, organizationId, contentId)
        : rows.find(tx, organizationId, contentId, { includeDeleted: false });
    },
    { readOnly: true },
  );
  if (content === null) throw notFound();
  return content;
}

/**
 * A lesson as it is being written, also when it is deleted: for who may restore it, and never from the cache. Refuses with
 * `forbidden` everybody else, with `not_found`.
 */
export async function getContentEvenDeleted(deps: Deps, actor: Actor, contentId: string): Promise<Content> {
  const restore = "POST /v1/contents/:id/restore";
  // Whoever could restore nothing, were it theirs, does not learn what there is.
  if (!mayAct(actor, restore, actor.userId)) throw forbidden();
  const content = await readTenant(deps.db, actor, (tx) =>
    rows.find(tx, actor.organizationId, contentId, { includeDeleted: true }),
  );
  if (content === null) throw notFound();
  if (!mayAct(actor, restore, content.createdById)) throw forbidden();
  return content;
}

/** The body of a lesson, which the actor has been given, as HTML that may be put into any page. Refuses nothing. */
export async function renderContent(
  deps: Deps,
  actor: Actor,
  { id, latestNumber, body }: Content,
): Promise<string> {
  return cached(
    deps.cache,
    {
      organizationId: actor.organizationId,
      visibility: isStaff(actor) ? "staff" : "published",
      topic: "contents",
      generation: actor.generations.contents,
      args: { read: "contents.html", contentId: id, number: latestNumber },
    },
    () => renderMarkdown(body),
  );
}

/**
 * A lesson as far as those need to know who read what hangs on it: comments, ratings, attachments. Refuses with `not_found`
 * as `getContent` does. Inside a transaction.
 */
export async function requireVisibleContentIn(
  tx: TenantTx,
  viewer: Viewer,
  contentId: string,
): Promise<VisibleContent> {
  return visible(tx, viewer, contentId, false);
}

/**
 * As `requireVisibleContentIn`, for those who hang something on it: it can be neither changed nor deleted until the
 * transaction ends, or a comment could be left on a lesson that is gone. Any number may hold it at once.
 */
export async function holdVisibleContentIn(
  tx: TenantTx,
  viewer: Viewer,
  contentId: string,
): Promise<VisibleContent> {
  return visible(tx, viewer, contentId, true);
}

async function visible(
  tx: TenantTx,
  viewer: Viewer,
  contentId: string,
  hold: boolean,
): Promise<VisibleContent> {
  const publishedOnly = !isStaff(viewer);
  const content = await rows.findVisible(tx, viewer.organizationId, contentId, { publishedOnly, hold });
  if (content === null) throw notFound();
  return content;
}

/**
 * Adds a lesson as a draft. Without a slug it gets one from its title, made unique by a number. Refuses with
 * `content_slug_taken`, `content_source_id_taken`, `quota_storage_reached`, with `invalid_request` a body that is too long.
 */
export async function createContent(deps: Deps, actor: Actor, input: ContentInput): Promise<Content> {
  const { organizationId } = actor;
  const contentId = Bun.randomUUIDv7();
  const fields = newFields(input, contentId);
  const refused = refusalToBody(input);
  if (refused !== null) throw refused;
  return withTenant(deps.db, actor, async (tx) => {
    const content = await onConstraint(tx, TAKEN, (inner) =>
      rows.insert(inner, organizationId, contentId, fields),
    );
    changed(tx, "contents");
    return content;
  });
}

/**
 * Changes the fields that are given. Another text makes a draft of what was approved or published; readers go on seeing what
 * is live. Refuses with `not_found`, `forbidden`, `stale`, `illegal_status_transition`, `content_slug_taken`,
 * `content_source_id_taken`, `quota_storage_reached`, with `invalid_request` a body that is too long.
 */
export async function updateContent(
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
  patch: ContentPatch,
): Promise<Content> {
  return withTenant(deps.db, actor, async (tx) => {
    const before = await lockForIn(tx, actor, "PATCH /v1/contents/:id", contentId, expected);
    const edited = requireTransition("edit", before);
    const refused = refusalToBody(patch);
    if (refused !== null) throw refused;
    const language = patch.language === undefined ? before.language : languageCode(patch.language);
    const fields = { ...before, ...patch, language };
    const status = isSameText(before, fields) ? before.status : edited;
    const content = await onConstraint(tx, TAKEN, (inner) =>
      rows.update(inner, actor.organizationId, contentId, { ...fields, status }),
    );
    changed(tx, "contents");
    return content;
  });
}

/** All that may be written of a lesson but its name elsewhere, which is no part of its text. */
const TEXT_FIELDS = [
  ...([
    "title",
    "slug",
    "description",
    "body",
    "contentType",
    "difficultyLevel",
    "language",
    "tags",
  ] as const),
  ...(["prerequisites", "learningObjectives", "metadata", "settings", "estimatedDurationMinutes"] as const),
] satisfies readonly (keyof ContentFields)[];

function isSameText(a: ContentFields, b: ContentFields): boolean {
  return TEXT_FIELDS.every((field) => JSON.stringify(a[field]) === JSON.stringify(b[field]));
}

/**
 * Shows a lesson's text to everybody in the organization. Of what nobody has approved whoever publishes it is the reviewer.
 * Refuses with `not_found`, `forbidden`, `stale`, `illegal_status_transition`, `own_work`, `content_slug_taken`, and with
 * `precondition_required` who would approve what somebody else has written, and names no version.
 */
export async function publishContent(
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
): Promise<Content> {
  const { organizationId } = actor;
  return withTenant(deps.db, actor, async (tx) => {
    const before = await lockForIn(tx, actor, "POST /v1/contents/:id/publish", contentId, expected);
    requireTransition("publish", before);
    if (before.status !== "approved") {
      const refused = (await refusalsToApproveIn(tx, actor, [before.id]))(before.id, expected);
      if (refused !== null) throw refused;
    }
    const content = await onConstraint(tx, SLUG_LIVE, (inner) =>
      rows.publish(inner, organizationId, contentId),
    );
    await liveChanged(deps, tx, organizationId, [content]);
    return content;
  });
}

/**
 * Takes a lesson away from its readers; what was published becomes a draft, a draft beside it stays what it is. Refuses with
 * `not_found`, `forbidden`, `stale`, `illegal_status_transition`.
 */
export const unpublishContent = (
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
): Promise<Content> => move(deps, actor, "POST /v1/contents/:id/unpublish", "unpublish", contentId, expected);

/** Puts a lesson away: readers see nothing of it, and nobody changes it. Refuses as `unpublishContent` does. */
export const archiveContent = (
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
): Promise<Content> => move(deps, actor, "POST /v1/contents/:id/archive", "archive", contentId, expected);

/** Takes a lesson out again, as a draft. Refuses as `unpublishContent` does. */
export const unarchiveContent = (
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
): Promise<Content> => move(deps, actor, "POST /v1/contents/:id/unarchive", "unarchive", contentId, expected);

async function move(
  deps: Deps,
  actor: Actor,
  operation: MemberOperation,
  action: Move,
  contentId: string,
  expected: ExpectedVersion,
): Promise<Content> {
  return withTenant(deps.db, actor, async (tx) => {
    const before = await lockForIn(tx, actor, operation, contentId, expected);
    return moveContentIn(deps, tx, actor.organizationId, before, action);
  });
}

/** Actions that change nothing of a lesson but its status, and what follows from that. */
const MOVES = {
  submit: { withdrawn: false, decided: false },
  withdraw: { withdrawn: false, decided: false },
  approve: { withdrawn: false, decided: true },
  reject: { withdrawn: false, decided: true },
  unpublish: { withdrawn: true, decided: false },
  archive: { withdrawn: true, decided: false },
  unarchive: { withdrawn: false, decided: false },
} as const satisfies Partial<
  Record<ContentAction, { readonly withdrawn: boolean; readonly decided: boolean }>
>;
export type Move = keyof typeof MOVES;

/**
 * Takes a lesson, which is held, where an action leads. Refuses with `illegal_status_transition`. Inside a transaction.
 */
export async function moveContentIn(
  deps: Deps,
  tx: TenantTx,
  organizationId: string,
  before: Content,
  action: Move,
): Promise<Content> {
  const status = requireTransition(action, before);
  const content = await rows.updateStatus(tx, organizationId, before.id, { status, ...MOVES[action] });
  if (content.liveNumber === before.liveNumber) changed(tx, "contents");
  else await liveChanged(deps, tx, organizationId, [content]);
  return content;
}

export interface Schedule {
  /** When it is published; null: not by itself. */
  readonly publishAt: Date | null;
  /** When readers see nothing of it any more; null: never. */
  readonly unpublishAt: Date | null;
}

export const scheduleUnordered = refusal(
  "invalid",
  "schedule_unordered",
  "A lesson cannot be taken away before it is published",
);

/**
 * Names the times at which a lesson is published and unpublished, or calls them off. A time that has passed is as good as
 * now. Who names one for a text that nobody has approved approves it. Refuses with `not_found`, `forbidden`, `stale`,
 * `illegal_status_transition`, `own_work`, `schedule_unordered`.
 */
export async function scheduleContent(
  deps: Deps,
  actor: Actor,
  operation: "PUT /v1/contents/:id/schedule" | "DELETE /v1/contents/:id/schedule",
  contentId: string,
  expected: ExpectedVersion,
  { publishAt, unpublishAt }: Schedule,
): Promise<Content> {
  const { organizationId } = actor;
  return withTenant(deps.db, actor, async (tx) => {
    const before = await lockForIn(tx, actor, operation, contentId, expected);
    if (publishAt !== null && unpublishAt !== null && unpublishAt <= publishAt) {
      throw scheduleUnordered({ errors: [{ pointer: "#/unpublishAt", detail: "must be after publishAt" }] });
    }
    const decided = publishAt !== null && before.status !== "approved";
    // To be taken away it must be there: what `unpublish` asks for, too.
    if (publishAt === null) requireTransition(unpublishAt === null ? "unschedule" : "unpublish", before);
    const status = publishAt === null ? before.status : requireTransition("schedule", before);
    if (decided) await requireOthersWorkIn(tx, actor, contentId);
    const change = { status, publishAt, unpublishAt, decided };
    const content = await rows.updateScheduled(tx, organizationId, contentId, change);
    for (const time of [publishAt, unpublishAt]) {
      if (time === null) continue;
      const wait = Math.max(0, Math.ceil((time.getTime() - content.updatedAt.getTime()) / 1000));
      await enqueue(deps.queue, tx, "publish-contents", { organizationId }, { startAfterSeconds: wait });
    }
    changed(tx, "contents");
    return content;
  });
}

/**
 * Of these lessons those of which the actor has written what would be shown, or part of it: any version after the live one.
 * None where the organization lets authors approve. They must be held, or somebody could write between this and what
 * follows. Inside a transaction.
 */
export async function ownWorkIn(
  tx: TenantTx,
  actor: Pick<Actor, "organizationId" | "userId">,
  contentIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const { organizationId, userId } = actor;
  if (authorsMayApprove(await settingsIn(tx, organizationId))) return new Set();
  return rows.listOwnWork(tx, organizationId, contentIds, userId);
}

/** Whom a lesson waits for is named, and it is neither the actor nor do they decide for everybody. */
const othersAsked = () => forbidden({ detail: "Somebody else was asked to review it." });
const askedOfOthersIn = async (
  tx: TenantTx,
  { organizationId, userId, role }: Actor,
  contentIds: readonly string[],
): Promise<ReadonlySet<string>> =>
  role === "admin" ? new Set() : rows.listAskedOfOthers(tx, organizationId, contentIds, userId);

/**
 * Refuses with `own_work` who has written what they would approve, with `forbidden` where somebody else was asked to. Of a
 * lesson that is held, inside a transaction.
 */
export async function requireOthersWorkIn(tx: TenantTx, actor: Actor, contentId: string): Promise<void> {
  if ((await askedOfOthersIn(tx, actor, [contentId])).has(contentId)) throw othersAsked();
  if ((await ownWorkIn(tx, actor, [contentId])).has(contentId)) throw ownWork();
}

/**
 * Why the actor may not approve lessons, which are held, by publishing them: `own_work`, `forbidden` where somebody else was
 * asked to, and `precondition_required` where the latest text is somebody else's and no version was named. It could have become another one since it was read; one's
 * own could not. Null when they may. Inside a transaction.
 */
export async function refusalsToApproveIn(
  tx: TenantTx,
  actor: Actor,
  contentIds: readonly string[],
): Promise<(contentId: string, expected: ExpectedVersion) => Refusal | null> {
  if (contentIds.length === 0) return () => null;
  const asked = await askedOfOthersIn(tx, actor, contentIds);
  const own = await ownWorkIn(tx, actor, contentIds);
  const others = await rows.listOthersWork(tx, actor.organizationId, contentIds, actor.userId);
  return (contentId, expected) => {
    if (asked.has(contentId)) return othersAsked();
    if (own.has(contentId)) return ownWork();
    if (expected !== null || !others.has(contentId)) return null;
    return preconditionRequired({
      detail: "Somebody else wrote this, and nobody has approved it: name the version that you have read.",
    });
  };
}

/** Deletes a lesson softly; it leaves the search at once. Refuses with `not_found`, `forbidden`, `stale`. */
export async function deleteContent(
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
): Promise<void> {
  await withTenant(deps.db, actor, async (tx) => {
    await lockForIn(tx, actor, "DELETE /v1/contents/:id", contentId, expected);
    await rows.softDelete(tx, actor.organizationId, contentId);
    await removeDocumentsIn(tx, actor.organizationId, [contentId]);
    changed(tx, "contents");
  });
}

/**
 * Brings a deleted lesson back as it was. Refuses with `not_found`, `forbidden`, `stale`, `content_not_deleted`, and
 * with `content_slug_taken` or `content_source_id_taken` when another lesson has taken it since, `quota_storage_reached`.
 */
export async function restoreContent(
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
): Promise<Content> {
  return withTenant(deps.db, actor, async (tx) => {
    const before = await rows.lock(tx, actor.organizationId, contentId);
    if (before === null) throw notFound();
    if (!mayAct(actor, "POST /v1/contents/:id/restore", before.createdById)) throw forbidden();
    if (before.deletedAt === null) throw contentNotDeleted();
    requireVersion(expected, before.version);
    const content = await onConstraint(tx, TAKEN_SINCE, (inner) =>
      rows.restore(inner, actor.organizationId, contentId),
    );
    await liveChanged(deps, tx, actor.organizationId, [content]);
    return content;
  });
}

/** Rows of one statement, which has to end in time with a trigger or a reference looking at each of them. */
const PURGED_AT_ONCE = 1000;

/**
 * Removes a deleted lesson for good, with all that hangs on it: versions, comments, ratings, views, attachments, whose bytes
 * the next collecting takes. History and audit tell who did it and when, and nothing of the text. Refuses with
 * `not_found`, `forbidden`, `content_not_deleted`, `stale`.
 */
export async function purgeContent(
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
): Promise<void> {
  const { organizationId } = actor;
  await withTenant(deps.db, actor, async (tx) => {
    const before = await rows.lock(tx, organizationId, contentId);
    if (before === null) throw notFound();
    if (!mayAct(actor, "POST /v1/contents/:id/purge", before.createdById)) throw forbidden();
    if (before.deletedAt === null) throw contentNotDeleted();
    requireVersion(expected, before.version);
    let left: boolean;
    do left = await rows.purge(tx, contentId, PURGED_AT_ONCE);
    while (left);
    await auditIn(tx, organizationId, {
      action: "content.purged",
      outcome: "success",
      subjectId: before.createdById,
      targetType: "content",
      targetId: contentId,
    });
    changed(tx, "contents");
  });
}

/** Who changed a lesson, when, and what it was before: newest first. Refuses with `not_found`. */
export async function contentHistory(
  deps: Deps,
  actor: Actor,
  contentId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly Change[]> {
  const { organizationId } = actor;
  return withTenant(
    deps.db,
    actor,
    async (tx) => {
      const content = await rows.find(tx, organizationId, contentId, { includeDeleted: true });
      if (content === null) throw notFound();
      return listChanges(tx, organizationId, "content", contentId, beforeId, limit);
    },
    { readOnly: true },
  );
}

export interface ImportResult {
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
}

export interface ImportOptions {
  readonly publish: boolean;
  /** Finds out what would happen, and stores nothing. */
  readonly dryRun: boolean;
}

/**
 * Stores a batch of imported lessons in one statement: a new source id is added, a changed record becomes a new version,
 * an equal one is left alone. `actor.userId` may be null: the operator imports. Refuses with `content_slug_taken` and
 * `quota_storage_reached`; then nothing of the batch is stored.
 */
export async function importContents(
  deps: Deps,
  actor: { readonly organizationId: string; readonly userId: string | null },
  records: readonly ImportedContent[],
  { publish, dryRun }: ImportOptions,
): Promise<ImportResult> {
  const { organizationId } = actor;
  let stored: Awaited<ReturnType<typeof rows.upsertImported>> = [];
  const rehearsal = new Error("a rehearsal is rolled back");
  await withTenant(deps.db, actor, async (tx) => {
    const touched = await onConstraint(tx, TAKEN_SINCE, (inner) =>
      rows.upsertImported(inner, organizationId, records, publish),
    );
    stored = touched;
    if (dryRun) throw rehearsal;
    if (touched.length > 0) {
      const contentIds = touched.map(({ id }) => id);
      await enqueue(deps.queue, tx, "reindex-search", { organizationId, contentIds }, { bulk: true });
      changed(tx, "contents");
    }
  }).catch((error: unknown) => {
    if (error !== rehearsal) throw error;
  });
  const added = stored.filter(({ version }) => version === 1).length;
  return { added, changed: stored.length - added, unchanged: records.length - stored.length };
}

/** The slug of an imported lesson: its title, and its source id, by which it is the only one. */
export function importSlug(title: string, sourceId: string): string {
  const id = slugify(sourceId, 60);
  // A digest tells apart what would look alike: `a.b` and `a-b`, `学` and `校`, "Part 5" with `1` and "Part" with `5-1`.
  const digest =
    id === sourceId && !id.includes("-")
      ? ""
      : createHash("sha256").update(sourceId).digest("hex").slice(0, 12);
  return [slugify(title), id, digest].filter((part) => part !== "").join("-");
}

/**
 * A lesson on which the actor may do this, in the version they expect, held until the transaction ends. Refuses with
 * `not_found`, `forbidden`, `stale`.
 */
export async function lockForIn(
  tx: TenantTx,
  actor: Actor,
  operation: MemberOperation,
  contentId: string,
  expected: ExpectedVersion,
): Promise<Content> {
  const content = await rows.lock(tx, actor.organizationId, contentId);
  const refused = refusalToWrite(actor, operation, content, expected);
  if (refused !== null || content === null) throw refused ?? notFound();
  return content;
}

/**
 * Why the actor may not do this to a lesson in the version they expect: `not_found`, `forbidden`, `stale`; null when they
 * may. `content` is null where there is none.
 */
export function refusalToWrite(
  actor: Actor,
  operation: MemberOperation,
  content: Pick<Content, "createdById" | "deletedAt" | "version"> | null,
  expected: ExpectedVersion,
): Refusal | null {
  if (content === null || content.deletedAt !== null) return notFound();
  if (!mayAct(actor, operation, content.createdById)) return forbidden();
  return isStale(expected, content.version) ? stale() : null;
}

/** A new lesson with what was not said of it. Without a slug it gets one from its title, made unique by its id. */
export function newFields(input: ContentInput, contentId: string): ContentFields {
  return {
    sourceId: null,
    description: "",
    body: "",
    contentType: "lesson",
    difficultyLevel: "beginner",
    tags: [],
    prerequisites: [],
    learningObjectives: [],
    metadata: {},
    settings: {},
    estimatedDurationMinutes: null,
    ...input,
    language: languageCode(input.language ?? "en"),
    slug: input.slug ?? slugFor(input.title, contentId),
  };
}

/**
 * What follows a change of lessons: the search learns of what readers see of them, at once where something must disappear,
 * and the cache moves on. Inside the transaction that changes them.
 */
export async function liveChanged(
  deps: Deps,
  tx: TenantTx,
  organizationId: string,
  contents: readonly Pick<Content, "id" | "liveNumber">[],
): Promise<void> {
  const [live, dark] = [true, false].map((seen) =>
    contents.filter(({ liveNumber }) => (liveNumber !== null) === seen).map(({ id }) => id),
  ) as [string[], string[]];
  if (live.length > 0) {
    const bulk = live.length > 1;
    await enqueue(deps.queue, tx, "reindex-search", { organizationId, contentIds: live }, { bulk });
  }
  if (dark.length > 0) await removeDocumentsIn(tx, organizationId, dark);
  changed(tx, "contents");
}

/** From the title, with eight random digits of the id: two lessons may well be called "Introduction". */
function slugFor(title: string, contentId: string): string {
  return [slugify(title), contentId.slice(-8)].filter((part) => part !== "").join("-");
}
