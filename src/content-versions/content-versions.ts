/** Every text that a lesson has had: read, compared, brought back. Versions are never changed, by anybody. */
import type { Actor } from "../actor.ts";
import {
  type Content,
  type ContentView,
  liveChanged,
  lockForIn,
  requireVisibleContentIn,
  TAKEN_SINCE,
} from "../contents/contents.ts";
import { onConstraint, readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import {
  type DocumentChange,
  diffDocuments,
  diffLists,
  diffText,
  type ListDiff,
  type TextDiff,
  unified,
} from "../diff.ts";
import { notFound } from "../errors.ts";
import { isStaff } from "../permissions.ts";
import type { ExpectedVersion } from "../versions.ts";
import { requireTransition } from "../workflow.ts";
import type { ContentAsOf, ContentVersion, ContentVersionSummary } from "./repository.ts";
import * as rows from "./repository.ts";

export { illegalTransition, quotaStorageReached, slugTaken } from "../contents/contents.ts";
export type { DocumentChange, Hunk, Line, ListDiff, TextDiff, Word } from "../diff.ts";
export type { ContentAsOf, ContentText, ContentVersion, ContentVersionSummary } from "./repository.ts";

/** The versions of a lesson, newest first, one more than `limit` when there are more. Refuses with `not_found`. */
export async function listContentVersions(
  deps: Deps,
  actor: Actor,
  contentId: string,
  beforeNumber: number | null,
  limit: number,
): Promise<readonly ContentVersionSummary[]> {
  return withTenant(
    deps.db,
    actor,
    async (tx) => {
      await requireVisibleContentIn(tx, actor, contentId);
      return rows.list(tx, actor.organizationId, contentId, beforeNumber, limit + 1);
    },
    { readOnly: true },
  );
}

/** One version, whole. Refuses with `not_found`. */
export async function getContentVersion(
  deps: Deps,
  actor: Actor,
  contentId: string,
  number: number,
): Promise<ContentVersion> {
  const version = await readTenant(deps.db, actor, (tx) =>
    rows.find(tx, actor.organizationId, contentId, number),
  );
  if (version === null) throw notFound();
  return version;
}

/**
 * The text of a lesson at a moment. Staff get what was the latest then, or with the view `live` what readers saw; readers get
 * what readers saw, while they see something of the lesson today. Refuses with `not_found`, also when there was none.
 */
export async function getContentAsOf(
  deps: Deps,
  actor: Actor,
  contentId: string,
  at: Date,
  view: ContentView,
): Promise<ContentAsOf> {
  const which = !isStaff(actor.role) ? "live today" : view === "live" ? "live" : "latest";
  const found = await readTenant(deps.db, actor, (tx) =>
    rows.findAsOf(tx, actor.organizationId, contentId, at, which),
  );
  if (found === null) throw notFound();
  return found;
}

/**
 * Brings the text of a version back, as a new one: a write like any other, so what was approved or published becomes a
 * draft, and readers go on seeing what is live. Where the latest version has that text, none is made. Refuses with
 * `not_found`, `forbidden`, `stale`, `illegal_status_transition`, `content_slug_taken`, `quota_storage_reached`.
 */
export async function restoreContentVersion(
  deps: Deps,
  actor: Actor,
  contentId: string,
  number: number,
  expected: ExpectedVersion,
): Promise<Content> {
  const { organizationId } = actor;
  const operation = "POST /v1/contents/:id/versions/:number/restore";
  return withTenant(deps.db, actor, async (tx) => {
    const before = await lockForIn(tx, actor, operation, contentId, expected);
    const status = requireTransition("edit", before);
    const content = await onConstraint(tx, TAKEN_SINCE, (inner) =>
      rows.restore(inner, organizationId, contentId, number, status),
    );
    if (content === null) throw notFound();
    await liveChanged(deps, tx, organizationId, [content]);
    return content;
  });
}

/** What a version is compared with. */
export type Against = number | "parent" | "latest" | "live";

/** A value and what it became; null where there was none. */
export interface ValueDiff<T> {
  readonly before: T | null;
  readonly after: T | null;
}

export interface ContentChanges {
  readonly title?: ValueDiff<string>;
  readonly slug?: ValueDiff<string>;
  readonly description?: ValueDiff<string>;
  readonly contentType?: ValueDiff<string>;
  readonly difficultyLevel?: ValueDiff<string>;
  readonly language?: ValueDiff<string>;
  readonly estimatedDurationMinutes?: ValueDiff<number>;
  readonly tags?: ListDiff;
  readonly prerequisites?: ListDiff;
  readonly learningObjectives?: ListDiff;
  readonly body?: TextDiff | { readonly kind: "unified"; readonly text: string };
  readonly metadata?: readonly DocumentChange[];
  readonly settings?: readonly DocumentChange[];
}

export interface ContentVersionDiff {
  readonly contentId: string;
  readonly number: number;
  /** Null: the first version, compared with a lesson of which nothing was written yet. */
  readonly againstNumber: number | null;
  /** Fields that are equal are not in it. */
  readonly changes: ContentChanges;
}

/**
 * What leads from another version of the lesson to this one. The work is bounded however long the texts are. Refuses with
 * `not_found`, also where the other version is not there: nothing is live.
 */
export async function diffContentVersion(
  deps: Deps,
  actor: Actor,
  contentId: string,
  number: number,
  against: Against,
  format: "hunks" | "unified",
): Promise<ContentVersionDiff> {
  const other = against === "parent" ? number - 1 : against;
  const [after, before] = await withTenant(
    deps.db,
    actor,
    async (tx) => {
      const found = (which: number | "latest" | "live") =>
        rows.find(tx, actor.organizationId, contentId, which);
      return [await found(number), other === 0 ? null : await found(other)];
    },
    { readOnly: true },
  );
  if (after === null || (before === null && (against !== "parent" || number > 1))) throw notFound();
  return {
    contentId,
    number,
    againstNumber: before?.number ?? null,
    changes: changesOf(before, after, format),
  };
}

function changesOf(
  before: ContentVersion | null,
  after: ContentVersion,
  format: "hunks" | "unified",
): ContentChanges {
  const value = <T>(was: T | null | undefined, is: T | null): ValueDiff<T> | null =>
    was === is ? null : { before: was ?? null, after: is };
  const changes = {
    title: value(before?.title, after.title),
    slug: value(before?.slug, after.slug),
    description: value(before?.description, after.description),
    contentType: value(before?.contentType, after.contentType),
    difficultyLevel: value(before?.difficultyLevel, after.difficultyLevel),
    language: value(before?.language, after.language),
    estimatedDurationMinutes: value(before?.estimatedDurationMinutes ?? null, after.estimatedDurationMinutes),
    tags: diffLists(before?.tags ?? [], after.tags),
    prerequisites: diffLists(before?.prerequisites ?? [], after.prerequisites),
    learningObjectives: diffLists(before?.learningObjectives ?? [], after.learningObjectives),
    body: bodyDiff(before?.body ?? "", after.body, format),
    metadata: documentDiff(before?.metadata ?? {}, after.metadata),
    settings: documentDiff(before?.settings ?? {}, after.settings),
  };
  return Object.fromEntries(
    Object.entries(changes).filter(([, change]) => change !== null),
  ) as ContentChanges;
}

function bodyDiff(before: string, after: string, format: "hunks" | "unified"): ContentChanges["body"] | null {
  const diff = diffText(before, after);
  const text = diff === null || format === "hunks" ? null : unified(diff);
  return text === null ? diff : { kind: "unified", text };
}

function documentDiff(
  before: ContentVersion["metadata"],
  after: ContentVersion["metadata"],
): readonly DocumentChange[] | null {
  const changes = diffDocuments(before, after);
  return changes.length === 0 ? null : changes;
}
