/** Lessons: who may read them, write them, publish them and take them away. */
import { createHash } from "node:crypto";
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { cached } from "../cache.ts";
import { changed, onConstraint, readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { forbidden, inUse, notFound, type Refusal, refusal, stale } from "../errors.ts";
import { type Change, listChanges } from "../history/history.ts";
import { languageCode } from "../languages.ts";
import { renderMarkdown } from "../markdown.ts";
import { type MemberOperation, mayAct } from "../permissions.ts";
import { enqueue } from "../queue.ts";
import { STORAGE_QUOTA } from "../quotas/quotas.ts";
import { removeDocumentsIn } from "../search/search.ts";
import { slugify } from "../slugs.ts";
import { type ExpectedVersion, isStale, requireVersion } from "../versions.ts";
import type {
  Content,
  ContentFields,
  ContentFilter,
  ContentSummary,
  ImportedContent,
  VisibleContent,
} from "./repository.ts";
import * as rows from "./repository.ts";

export type { Change } from "../history/history.ts";
export { quotaStorageReached } from "../quotas/quotas.ts";
export {
  CONTENT_STATUSES,
  CONTENT_TYPES,
  type Content,
  type ContentFields,
  type ContentFilter,
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
export const illegalTransition = refusal(
  "conflict",
  "illegal_status_transition",
  "The lesson cannot go from its status to that one",
);
export const contentNotDeleted = refusal("conflict", "content_not_deleted", "The lesson is not deleted");

const TAKEN = {
  content_slug_unique: () => slugTaken(inUse("slug")),
  content_source_unique: () => sourceIdTaken(inUse("sourceId")),
  ...STORAGE_QUOTA,
};
/** Where no body was sent that a refusal could point into. */
export const TAKEN_SINCE = {
  content_slug_unique: () => slugTaken(),
  content_source_unique: () => sourceIdTaken(),
  ...STORAGE_QUOTA,
};

export type ContentInput = Partial<ContentFields> & { readonly title: string };
export type ContentPatch = Partial<ContentFields>;

/** Who looks, as far as it matters to what they see. */
export type Viewer = Pick<Actor, "organizationId" | "role">;

const isStaff = (actor: Viewer): boolean => actor.role === "admin" || actor.role === "teacher";

/** A lesson. Refuses with `not_found` one that is not there, deleted, or a draft and the actor no staff. */
export async function getContent(deps: Deps, actor: Actor, contentId: string): Promise<Content> {
  const publishedOnly = !isStaff(actor);
  const content = await cached(
    deps.cache,
    {
      organizationId: actor.organizationId,
      visibility: publishedOnly ? "published" : "staff",
      topic: "contents",
      generation: actor.generations.contents,
      args: { read: "contents.get", contentId },
    },
    () =>
      readTenant(deps.db, actor, (tx) =>
        rows.find(tx, actor.organizationId, contentId, { publishedOnly, includeDeleted: false }),
      ),
  );
  if (content === null) throw notFound();
  return content;
}

/** The body of a lesson, which the actor has been given, as HTML that may be put into any page. Refuses nothing. */
export async function renderContent(
  deps: Deps,
  actor: Actor,
  { id, version, body }: Content,
): Promise<string> {
  return cached(
    deps.cache,
    {
      organizationId: actor.organizationId,
      visibility: isStaff(actor) ? "staff" : "published",
      topic: "contents",
      generation: actor.generations.contents,
      args: { read: "contents.html", contentId: id, version },
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
 * Lessons without their bodies, newest first, one more than `limit` when there are more. Who is no staff sees what is
 * published. Refuses with `forbidden` who asks for deleted ones without being an admin.
 */
export async function listContents(
  deps: Deps,
  actor: Actor,
  filter: Omit<ContentFilter, "publishedOnly">,
  beforeId: string | null,
  limit: number,
): Promise<readonly ContentSummary[]> {
  // Who may bring back whosever it is.
  if (filter.includeDeleted && !mayAct(actor, "POST /v1/contents/:id/restore", null)) throw forbidden();
  const language = filter.language === null ? null : languageCode(filter.language);
  return readTenant(deps.db, actor, (tx) =>
    rows.list(
      tx,
      actor.organizationId,
      { ...filter, language, publishedOnly: !isStaff(actor) },
      beforeId,
      limit + 1,
    ),
  );
}

/**
 * Adds a lesson as a draft. Without a slug it gets one from its title, made unique by a number. Refuses with
 * `content_slug_taken`, `content_source_id_taken`, `quota_storage_reached`.
 */
export async function createContent(deps: Deps, actor: Actor, input: ContentInput): Promise<Content> {
  const { organizationId } = actor;
  const contentId = Bun.randomUUIDv7();
  const fields = newFields(input, contentId);
  return withTenant(deps.db, actor, async (tx) => {
    const content = await onConstraint(tx, TAKEN, (inner) =>
      rows.insert(inner, organizationId, contentId, fields),
    );
    changed(tx, "contents");
    return content;
  });
}

/**
 * Changes the fields that are given. Refuses with `not_found`, `forbidden`, `stale`, `content_slug_taken`,
 * `content_source_id_taken`, `quota_storage_reached`.
 */
export async function updateContent(
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
  patch: ContentPatch,
): Promise<Content> {
  return withTenant(deps.db, actor, async (tx) => {
    const before = await lockWritable(tx, actor, "PATCH /v1/contents/:id", contentId, expected);
    const language = patch.language === undefined ? before.language : languageCode(patch.language);
    const content = await onConstraint(tx, TAKEN, (inner) =>
      rows.update(inner, actor.organizationId, contentId, { ...before, ...patch, language }),
    );
    await contentChanged(deps, tx, actor.organizationId, content);
    return content;
  });
}

/**
 * Makes a lesson visible to everybody in the organization; whoever does so is its reviewer. Refuses with `not_found`,
 * `forbidden`, `stale`, and `illegal_status_transition` when it is published, archived or rejected.
 */
export async function publishContent(
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
): Promise<Content> {
  const operation = "POST /v1/contents/:id/publish";
  const from = ["draft", "pending_review", "approved"] as const;
  return transition(deps, actor, operation, contentId, expected, from, rows.publish);
}

/** Takes a published lesson back to a draft. Refuses as `publishContent` does. */
export async function unpublishContent(
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
): Promise<Content> {
  const operation = "POST /v1/contents/:id/unpublish";
  return transition(deps, actor, operation, contentId, expected, ["published"], rows.unpublish);
}

async function transition(
  deps: Deps,
  actor: Actor,
  operation: MemberOperation,
  contentId: string,
  expected: ExpectedVersion,
  from: readonly Content["status"][],
  apply: (tx: TenantTx, organizationId: string, contentId: string) => Promise<Content>,
): Promise<Content> {
  return withTenant(deps.db, actor, async (tx) => {
    const before = await lockWritable(tx, actor, operation, contentId, expected);
    if (!from.includes(before.status)) throw illegalTransition({ detail: `It is ${before.status}.` });
    const content = await apply(tx, actor.organizationId, contentId);
    await contentChanged(deps, tx, actor.organizationId, content);
    return content;
  });
}

/** Deletes a lesson softly; it leaves the search at once. Refuses with `not_found`, `forbidden`, `stale`. */
export async function deleteContent(
  deps: Deps,
  actor: Actor,
  contentId: string,
  expected: ExpectedVersion,
): Promise<void> {
  await withTenant(deps.db, actor, async (tx) => {
    await lockWritable(tx, actor, "DELETE /v1/contents/:id", contentId, expected);
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
    await contentChanged(deps, tx, actor.organizationId, content);
    return content;
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
      const content = await rows.find(tx, organizationId, contentId, {
        publishedOnly: false,
        includeDeleted: true,
      });
      if (content === null) throw notFound();
      return listChanges(tx, organizationId, "content", contentId, beforeId, limit + 1);
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

/** A live lesson that the actor may write, in the version they expect, held until the transaction ends. */
async function lockWritable(
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

/** What follows a change: the search learns of it, at once where something must disappear, and the cache moves on. */
async function contentChanged(
  deps: Deps,
  tx: TenantTx,
  organizationId: string,
  content: Content,
): Promise<void> {
  if (content.status === "published") {
    await enqueue(deps.queue, tx, "reindex-search", { organizationId, contentIds: [content.id] });
  } else {
    await removeDocumentsIn(tx, organizationId, [content.id]);
  }
  changed(tx, "contents");
}

/** From the title, with eight random digits of the id: two lessons may well be called "Introduction". */
function slugFor(title: string, contentId: string): string {
  return [slugify(title), contentId.slice(-8)].filter((part) => part !== "").join("-");
}
