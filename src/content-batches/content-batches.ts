/**
 * Many lessons in one request: up to 1,000 are written, changed, deleted or published in one transaction and as few
 * statements as one would take. Who may do what to each, and how each is refused, is what src/contents says of one alone.
 */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { audit } from "../audit/audit.ts";
import {
  type Content,
  type ContentInput,
  type ContentPatch,
  liveChanged,
  newFields,
  quotaStorageReached,
  refusalToBody,
  refusalToWrite,
  SLUG_LIVE,
  slugTaken,
  sourceIdTaken,
  TAKEN_SINCE,
} from "../contents/contents.ts";
import { changed, onConstraint, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { type FieldError, forbidden, inUse, notFound, Refusal, refusal } from "../errors.ts";
import { languageCode } from "../languages.ts";
import type { MemberOperation } from "../permissions.ts";
import { publishIn, refusalsToPublishIn } from "../publications/publications.ts";
import { storageLeftIn } from "../quotas/quotas.ts";
import { removeDocumentsIn } from "../search/search.ts";
import type { ExpectedVersion } from "../versions.ts";
import { leadsTo, refusalToTransition } from "../workflow.ts";
import type { Held, Holder, NewContent, Stored } from "./repository.ts";
import * as rows from "./repository.ts";

export {
  type Content,
  type ContentFields,
  type ContentPatch,
  quotaStorageReached,
  slugTaken,
  sourceIdTaken,
} from "../contents/contents.ts";

/** Items of one batch. */
export const BATCH_ITEMS = 1000;

export const batchRefused = refusal(
  "conflict",
  "batch_refused",
  "Items of the batch were refused, and so nothing of it was stored",
);
export const itemRepeated = refusal(
  "conflict",
  "batch_item_repeated",
  "An item before this one is about the same lesson",
);

/** `all`: every item, or none. `each`: those that can be, and the others are told why not. */
export type BatchMode = "all" | "each";

/** What became of one item. They are in the order of the request's. */
export interface BatchItem {
  /** Null where the item was refused. */
  readonly stored: Stored | null;
  readonly refusal: Refusal | null;
}

/** A lesson to be changed, in the version its writer has read. */
export interface BatchTarget {
  readonly id: string;
  readonly version: ExpectedVersion;
}

/**
 * Adds lessons as drafts, as `createContent` adds one. Refuses an item with `content_slug_taken`,
 * `content_source_id_taken`, `quota_storage_reached`, an earlier item being the lesson that has it; so the same batch
 * again adds none that has a source id. Refuses the whole with `batch_refused` in mode `all`.
 */
export function createContents(
  deps: Deps,
  actor: Actor,
  mode: BatchMode,
  inputs: readonly ContentInput[],
): Promise<readonly BatchItem[]> {
  const { organizationId } = actor;
  const items: readonly NewContent[] = inputs.map((input) => {
    const id = Bun.randomUUIDv7();
    return { id, ...newFields(input, id) };
  });
  return inBatch(deps, actor, "POST /v1/contents/batches/create", mode, items, {
    decide: async (tx) => {
      const [names, room] = await Promise.all([
        namesIn(tx, organizationId, items),
        roomIn(tx, organizationId),
      ]);
      return (item) =>
        refusalToBody(item) ?? names.refusal(item) ?? room.refusal(bytesOf(item)) ?? names.give(item);
    },
    store: async (tx, passing) => {
      const stored = await rows.insert(tx, organizationId, passing);
      changed(tx, "contents");
      return stored;
    },
  });
}

/** What is to become of a lesson, in the version its writer has read. */
export interface BatchChange extends BatchTarget {
  readonly patch: ContentPatch;
}

/**
 * Changes the fields that are given of each lesson, as `updateContent` changes those of one. Refuses an item with
 * `not_found`, `forbidden`, `stale`, `illegal_status_transition`, `content_slug_taken`, `content_source_id_taken`,
 * `quota_storage_reached`, `batch_item_repeated`, the whole with `batch_refused` in mode `all`.
 */
export function updateContents(
  deps: Deps,
  actor: Actor,
  mode: BatchMode,
  changes: readonly BatchChange[],
): Promise<readonly BatchItem[]> {
  const { organizationId } = actor;
  const items = changes.map(({ patch, ...target }) => ({
    ...sameCase(target),
    patch: patch.language === undefined ? patch : { ...patch, language: languageCode(patch.language) },
  }));
  /** The status that another text of a lesson leads to. */
  const edited = new Map<string, Content["status"]>();
  return inBatch(deps, actor, "POST /v1/contents/batches/update", mode, items, {
    decide: async (tx) => {
      const lessonOf = await writableIn(tx, actor, "PATCH /v1/contents/:id", items);
      const patches = items.map(({ patch }) => patch);
      const [names, room] = await Promise.all([
        namesIn(tx, organizationId, patches),
        roomIn(tx, organizationId),
      ]);
      return (item) => {
        const before = lessonOf(item);
        if (before instanceof Refusal) return before;
        const { id, patch } = item;
        edited.set(id, leadsTo("edit", before) ?? before.status);
        const after = { id, slug: patch.slug ?? before.slug, sourceId: patch.sourceId ?? null };
        return (
          refusalToTransition("edit", before) ??
          refusalToBody(patch) ??
          names.refusal(after) ??
          room.refusal(growthOf(before, patch)) ??
          names.give(after)
        );
      };
    },
    store: async (tx, passing) => {
      const changes = passing.map(({ id, patch }) => ({ id, patch, edited: edited.get(id) ?? "draft" }));
      const stored = await rows.update(tx, organizationId, changes);
      await liveChanged(deps, tx, organizationId, stored);
      return stored;
    },
  });
}

/**
 * Shows lessons to their readers, all at one moment, as `publishContent` shows one. Refuses an item with `not_found`,
 * `forbidden`, `stale`, `illegal_status_transition`, `own_work`, `precondition_required`, `content_slug_taken`,
 * `batch_item_repeated`, the whole with `batch_refused` in mode `all`.
 */
export function publishContents(
  deps: Deps,
  actor: Actor,
  mode: BatchMode,
  targets: readonly BatchTarget[],
): Promise<readonly BatchItem[]> {
  const { organizationId } = actor;
  const items = targets.map(sameCase);
  return inBatch(deps, actor, "POST /v1/contents/batches/publish", mode, items, {
    decide: async (tx) => {
      const contentIds = idsOf(items);
      const refusalTo = await refusalsToPublishIn(tx, actor, "POST /v1/contents/batches/publish", contentIds);
      const holders = await rows.listShadowed(tx, organizationId, contentIds);
      const once = firstOnly();
      const refusals = items.map((item) => once(item.id) ?? refusalTo(item));
      // A slug is free for readers once its lesson is published under another one, in this batch at the latest.
      const passing = new Set(idsOf(items.filter((_, index) => refusals[index] === null)));
      const isShadowed = (id: string) => {
        const holder = holders.get(id);
        return holder !== undefined && !passing.has(holder);
      };
      for (let before = -1; before !== passing.size; ) {
        before = passing.size;
        for (const id of passing) if (isShadowed(id)) passing.delete(id);
      }
      const next = refusals.values();
      return ({ id }) => next.next().value ?? (isShadowed(id) ? SLUG_LIVE.publication_slug_unique() : null);
    },
    store: (tx, passing) => publishIn(deps, tx, organizationId, idsOf(passing)),
  });
}

/**
 * Deletes lessons softly, as `deleteContent` deletes one; each can be restored by itself. Refuses an item with `not_found`,
 * `forbidden`, `stale`, `batch_item_repeated`, the whole with `batch_refused` in mode `all`.
 */
export function deleteContents(
  deps: Deps,
  actor: Actor,
  mode: BatchMode,
  targets: readonly BatchTarget[],
): Promise<readonly BatchItem[]> {
  const { organizationId } = actor;
  const items = targets.map(sameCase);
  return inBatch(deps, actor, "POST /v1/contents/batches/delete", mode, items, {
    decide: async (tx) => {
      const lessonOf = await writableIn(tx, actor, "DELETE /v1/contents/:id", items);
      return (item) => {
        const held = lessonOf(item);
        return held instanceof Refusal ? held : null;
      };
    },
    store: async (tx, passing) => {
      const contentIds = idsOf(passing);
      const stored = await rows.softDelete(tx, organizationId, contentIds);
      await removeDocumentsIn(tx, organizationId, contentIds);
      changed(tx, "contents");
      return stored;
    },
  });
}

// ── One batch ───────────────────────────────────────────────────────────────────────────────────────────────────────

interface Work<Item> {
  /** Looks once at all that the decisions need, and holds it. Gives why an item cannot be stored, asked in their order. */
  readonly decide: (tx: TenantTx) => Promise<(item: Item) => Refusal | null>;
  /** Stores those that can be: one at the least. */
  readonly store: (tx: TenantTx, passing: readonly Item[]) => Promise<readonly Stored[]>;
}

async function inBatch<Item extends { readonly id: string }>(
  deps: Deps,
  actor: Actor,
  operation: MemberOperation,
  mode: BatchMode,
  items: readonly Item[],
  { decide, store }: Work<Item>,
): Promise<readonly BatchItem[]> {
  let denied = 0;
  try {
    return await withTenant(deps.db, actor, (tx) =>
      decided(tx, async (inner) => {
        const refusalOf = await decide(inner);
        const refusals = items.map((item, index) => pointed(refusalOf(item), index));
        denied = refusals.filter((refused) => refused?.slug === forbidden.slug).length;
        if (mode === "all" && refusals.some((refused) => refused !== null)) {
          throw batchRefused({ errors: refusals.flatMap(errorsOf) });
        }
        const passing = items.filter((_, index) => refusals[index] === null);
        const stored = passing.length === 0 ? [] : await store(inner, passing);
        const byId = new Map(stored.map((row) => [row.id, row]));
        return items.map((item, index) => {
          const refused = refusals[index] ?? null;
          return { stored: refused === null ? (byId.get(item.id) ?? null) : null, refusal: refused };
        });
      }),
    );
  } finally {
    // As the shell records it of a request that is refused whole.
    if (denied > 0) {
      await audit(deps, actor, {
        action: "access.refused",
        outcome: "refused",
        targetType: "operation",
        targetId: operation,
        details: { refusal: forbidden.slug, role: actor.role, credential: actor.credential, items: denied },
      });
    }
  }
}

/** How often a batch is decided at most. */
const TRIES = 3;
const RACES: ReadonlySet<string> = new Set(
  [slugTaken, sourceIdTaken, quotaStorageReached].map(({ slug }) => slug),
);

/**
 * Decides and stores. Decides anew where somebody took a slug, a source id or the last room between the one and the other:
 * then the decision knows of it. Refuses with what was lost when that happens again and again.
 */
async function decided<T>(tx: TenantTx, run: (tx: TenantTx) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await onConstraint(tx, TAKEN_SINCE, run);
    } catch (error) {
      if (tries === TRIES || !(error instanceof Refusal) || !RACES.has(error.slug)) throw error;
    }
  }
}

/** The refusal of an item, pointing into the body of the batch. */
function pointed(refused: Refusal | null, index: number): Refusal | null {
  if (refused === null) return null;
  const { kind, slug, title, details } = refused;
  const errors = details.errors?.map(({ pointer, detail }) => ({
    pointer: `#/items/${index}${pointer.slice(1)}`,
    detail,
  }));
  return new Refusal(kind, slug, title, errors === undefined ? details : { ...details, errors });
}

/** What is wrong with an item, as one of several. */
function errorsOf(refused: Refusal | null, index: number): readonly FieldError[] {
  if (refused === null) return [];
  const { slug, title, details } = refused;
  const errors = details.errors ?? [{ pointer: `#/items/${index}`, detail: details.detail ?? title }];
  return errors.map((error) => ({ ...error, slug }));
}

// ── What items share ────────────────────────────────────────────────────────────────────────────────────────────────

const idsOf = (items: readonly { readonly id: string }[]): readonly string[] => items.map(({ id }) => id);

/** In other letters it is the same id. */
const sameCase = <Item extends { readonly id: string }>(item: Item): Item => ({
  ...item,
  id: item.id.toLowerCase(),
});

/** Refuses a lesson that it was asked about before. */
function firstOnly(): (id: string) => Refusal | null {
  const seen = new Set<string>();
  return (id) => {
    if (seen.has(id)) return itemRepeated();
    seen.add(id);
    return null;
  };
}

/**
 * Holds the lessons until the transaction ends. Gives the lesson of an item, asked for in their order, or why the actor may
 * not do this to it: `not_found`, `forbidden`, `stale`, `batch_item_repeated`.
 */
async function writableIn(
  tx: TenantTx,
  actor: Actor,
  operation: MemberOperation,
  items: readonly BatchTarget[],
): Promise<(item: BatchTarget) => Held | Refusal> {
  const held = await rows.lock(tx, actor.organizationId, idsOf(items));
  const once = firstOnly();
  return ({ id, version }) => {
    const lesson = held.get(id) ?? null;
    return once(id) ?? refusalToWrite(actor, operation, lesson, version) ?? lesson ?? notFound();
  };
}

interface Names {
  refusal(item: Holder): Refusal | null;
  /** Says that the item will be stored. Gives null, for a chain of refusals to end in. */
  give(item: Holder): null;
}

/**
 * Who has the slugs and source ids that the items ask for. What another lesson had when the batch began is taken, also
 * where an item gives it up: whether two can change places must not hang on which is written first.
 */
async function namesIn(
  tx: TenantTx,
  organizationId: string,
  items: readonly { readonly slug?: string; readonly sourceId?: string | null }[],
): Promise<Names> {
  const slugs = items.flatMap(({ slug }) => slug ?? []);
  const sourceIds = items.flatMap(({ sourceId }) => sourceId ?? []);
  const holders = await rows.listHolders(tx, organizationId, slugs, sourceIds);
  const bySlug = new Map(holders.map(({ slug, id }) => [slug, id]));
  const bySourceId = new Map(holders.map(({ sourceId, id }) => [sourceId, id]));
  return {
    refusal: ({ id, slug, sourceId }) => {
      if ((bySlug.get(slug) ?? id) !== id) return slugTaken(inUse("slug"));
      if (sourceId !== null && (bySourceId.get(sourceId) ?? id) !== id)
        return sourceIdTaken(inUse("sourceId"));
      return null;
    },
    give: ({ id, slug, sourceId }) => {
      bySlug.set(slug, id);
      bySourceId.set(sourceId, id);
      return null;
    },
  };
}

interface Room {
  /** Takes so many bytes more, or fewer, unless there is no room for them. */
  refusal(bytes: number): Refusal | null;
}

async function roomIn(tx: TenantTx, organizationId: string): Promise<Room> {
  let left = (await storageLeftIn(tx, organizationId)) ?? Number.POSITIVE_INFINITY;
  return {
    refusal: (bytes) => {
      if (bytes > 0 && bytes > left) return quotaStorageReached();
      left -= bytes;
      return null;
    },
  };
}

/** By how many bytes a lesson becomes longer; below zero where it becomes shorter. */
function growthOf(before: Held, { title, description, body, metadata, settings }: ContentPatch): number {
  const growth = (after: string | undefined, bytes: number) =>
    after === undefined ? 0 : Buffer.byteLength(after) - bytes;
  return (
    growth(title, before.titleBytes) +
    growth(description, before.descriptionBytes) +
    growth(body, before.bodyBytes) +
    growth(metadata && JSON.stringify(metadata), before.metadataBytes) +
    growth(settings && JSON.stringify(settings), before.settingsBytes)
  );
}

/** What a lesson counts for in the quota of storage: `app.lesson_bytes`. */
const bytesOf = ({ title, description, body, metadata, settings }: NewContent): number =>
  [title, description, body, JSON.stringify(metadata), JSON.stringify(settings)].reduce(
    (sum, text) => sum + Buffer.byteLength(text),
    0,
  );
