/**
 * Files that hang on lessons. Who may write a lesson may write them, who sees it may read them; they are not part of its
 * versions, so a change shows at once.
 *
 * No transaction is open while bytes flow. A file's row announces its bytes, the bytes go where the row says, and only the
 * transaction that hangs the file on its lesson says that they are there. Whatever ends half-way leaves an announcement
 * that nothing names, and `collectFiles` takes it away; after that the file cannot be named any more, since its row is gone.
 */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor, Role } from "../actor.ts";
import { holdVisibleContentIn, requireVisibleContentIn, type VisibleContent } from "../contents/contents.ts";
import { changed, onConstraint, readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { forbidden, notFound, Refusal, refusal, writeConflict } from "../errors.ts";
import { isNameOf, isShown, mediaTypeOf } from "../media-types.ts";
import { isStaff, type MemberOperation, mayAct } from "../permissions.ts";
import { quotaStorageReached, STORAGE_QUOTA, storageLeftIn } from "../quotas/quotas.ts";
import { type Address, fileTooLarge, type Received, storageUnavailable } from "../storage.ts";
import { type ExpectedVersion, requireVersion } from "../versions.ts";
import { requireTransition } from "../workflow.ts";
import type { Attachment } from "./repository.ts";
import * as rows from "./repository.ts";

export { quotaStorageReached } from "../quotas/quotas.ts";
export { fileTooLarge, storageUnavailable } from "../storage.ts";
export { illegalTransition } from "../workflow.ts";
export type { Attachment } from "./repository.ts";

export const typeMismatch = refusal(
  "invalid",
  "attachment_type_mismatch",
  "The file is not what its name or its media type says",
);
export const fileAltered = refusal("invalid", "import_file_altered", "The file is not what its record says");
export const attachmentNotDeleted = refusal(
  "conflict",
  "attachment_not_deleted",
  "The attachment is not deleted",
);
export const tooManyAttachments = refusal(
  "conflict",
  "attachments_full",
  "The lesson has as many attachments as it may have",
);
export const orderIncomplete = refusal(
  "conflict",
  "attachment_order_incomplete",
  "The order must name every attachment of the lesson once, and no other",
);

/** Attachments of one lesson, about: two who add the last one at once may be one too many. */
export const ATTACHMENTS_LIMIT = 200;
/** How long what was begun may take, and a deleted attachment can come back. Both stand in the queries too. */
const HALF_DONE_MS = 3_600_000;
export const RESTORABLE_DAYS = 30;

/** What is said of a file when it is added. */
export interface AttachmentInput {
  readonly name: string;
  readonly description?: string;
  /** As what it was sent; null: its name and its bytes tell. */
  readonly mediaType: string | null;
  /** How many bytes will come; null when nobody knows. */
  readonly length: number | null;
}

export interface AttachmentPatch {
  readonly name?: string;
  readonly description?: string;
}

// ---------------------------------------------------------------------- reading

/**
 * The attachments of a lesson in their order. Refuses with `not_found` when the actor does not see the lesson, with
 * `forbidden` who asks for deleted ones and may not write it.
 */
export async function listAttachments(
  deps: Deps,
  actor: Actor,
  contentId: string,
  includeDeleted: boolean,
): Promise<readonly Attachment[]> {
  return withTenant(
    deps.db,
    actor,
    async (tx) => {
      const content = await requireVisibleContentIn(tx, actor, contentId);
      if (includeDeleted && !mayAct(actor, "POST /v1/attachments/:id/restore", content.createdById)) {
        throw forbidden();
      }
      return rows.list(tx, actor.organizationId, [contentId], includeDeleted);
    },
    { readOnly: true },
  );
}

/** The live attachments of lessons that the caller may show, by lesson and in order: one query. Inside a transaction. */
export async function listAttachmentsOfIn(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Attachment[]>> {
  if (contentIds.length === 0) return new Map();
  return Map.groupBy(await rows.list(tx, organizationId, contentIds, false), ({ contentId }) => contentId);
}

/** An attachment. Refuses with `not_found` one that is not there, is deleted, or hangs on what the actor does not see. */
export async function getAttachment(deps: Deps, actor: Actor, attachmentId: string): Promise<Attachment> {
  return withTenant(deps.db, actor, (tx) => requireVisible(tx, actor, attachmentId), { readOnly: true });
}

async function requireVisible(
  tx: TenantTx,
  viewer: Pick<Actor, "organizationId" | "role">,
  attachmentId: string,
): Promise<Attachment> {
  const attachment = await rows.find(tx, viewer.organizationId, attachmentId);
  if (attachment === null || attachment.deletedAt !== null) throw notFound();
  await requireVisibleContentIn(tx, viewer, attachment.contentId);
  return attachment;
}

/** The bytes of an attachment, which can be read from any place on. */
export interface AttachmentBytes {
  readonly attachment: Attachment;
  readonly size: number;
  readonly read: (from: number, to: number) => ReadableStream<Uint8Array>;
}

/** The bytes of an attachment. Refuses as `getAttachment` does, and with `storage_unavailable`. */
export async function getAttachmentBytes(
  deps: Deps,
  actor: Actor,
  attachmentId: string,
): Promise<AttachmentBytes> {
  return openBytes(deps, actor.organizationId, await getAttachment(deps, actor, attachmentId));
}

/**
 * Opens the bytes of an attachment that the caller may hand out. Refuses with `storage_unavailable` when they are not
 * where they should be. Outside of any transaction.
 */
export async function openBytes(
  deps: Pick<Deps, "storage" | "log">,
  organizationId: string,
  attachment: Attachment,
): Promise<AttachmentBytes> {
  const { sha256, fileId, size } = attachment;
  const address = { organizationId, sha256, fileId };
  // Of nothing there is nothing to be missed.
  if (size > 0 && !(await deps.storage.has(address, size))) {
    deps.log.error("file_missing", { organizationId });
    throw storageUnavailable();
  }
  return { attachment, size, read: (from, to) => deps.storage.read(address, from, to) };
}

/** Whether a browser may show it, rather than save it: nothing that could be run. */
export const isShownInline = ({ mediaType }: Attachment): boolean => isShown(mediaType);

// ---------------------------------------------------------------------- signed addresses

const AUDIENCES = { staff: "admin", readers: "student" } as const satisfies Record<string, Role>;
type Audience = keyof typeof AUDIENCES;

/**
 * A token with which anybody can read the bytes of an attachment for so many seconds, and when that ends. It is bound to the
 * organization, the attachment and its bytes. Refuses as `getAttachment` does.
 */
export async function signAttachment(
  deps: Deps,
  actor: Actor,
  attachmentId: string,
  seconds: number,
): Promise<{ readonly token: string; readonly expiresAt: Date }> {
  return withTenant(deps.db, actor, async (tx) => {
    const { sha256 } = await requireVisible(tx, actor, attachmentId);
    const audience: Audience = isStaff(actor.role) ? "staff" : "readers";
    const expires = Math.floor(Date.now() / 1000) + seconds;
    const payload = [audience, actor.organizationId, attachmentId, sha256, String(expires)].join(".");
    return { token: deps.keys.sign("file", payload), expiresAt: new Date(expires * 1000) };
  });
}

/**
 * The bytes behind such a token. Refuses with `not_found` one that was made up, has expired, or leads to what whoever asked
 * for it would not see any more: deleted, or unpublished when they were no staff. Also with `storage_unavailable`.
 */
export async function getSignedBytes(deps: Deps, token: string): Promise<AttachmentBytes> {
  const payload = deps.keys.verify("file", token);
  const [audience = "", organizationId = "", attachmentId = "", sha256 = "", expires = ""] =
    payload?.split(".") ?? [];
  if (payload === null || !isAudience(audience) || Number(expires) * 1000 <= Date.now()) throw notFound();
  const viewer = { organizationId, role: AUDIENCES[audience] };
  const attachment = await withTenant(
    deps.db,
    { organizationId, userId: null },
    async (tx) => {
      if ((await rows.organizationStatus(tx, organizationId)) !== "active") throw notFound();
      return requireVisible(tx, viewer, attachmentId);
    },
    { readOnly: true },
  );
  if (attachment.sha256 !== sha256) throw notFound();
  return openBytes(deps, organizationId, attachment);
}

const isAudience = (word: string): word is Audience => word in AUDIENCES;

// ---------------------------------------------------------------------- writing

/**
 * Hangs a file on a lesson, after what hangs there. All of `chunks` is read before the one transaction that has an effect.
 * Refuses with `not_found`, `forbidden`, `illegal_status_transition`, `file_too_large`, `attachment_type_mismatch`,
 * `quota_storage_reached`, `attachments_full`, `storage_unavailable`, and with whatever `chunks` end in.
 */
export async function addAttachment(
  deps: Deps,
  actor: Actor,
  contentId: string,
  input: AttachmentInput,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Attachment> {
  const { organizationId } = actor;
  const operation = "POST /v1/contents/:id/attachments";
  const limit = deps.config.fileLimitBytes;
  // Told before two gigabytes were sent for nothing. The last word is that of the transaction at the end.
  await withTenant(
    deps.db,
    actor,
    async (tx) => requireMay(actor, operation, await requireVisibleContentIn(tx, actor, contentId)),
    { readOnly: true },
  );
  if (input.length !== null && input.length > limit) {
    throw fileTooLarge({ detail: `At most ${limit} bytes are taken.` });
  }
  return store(deps, actor, chunks, input, {
    hold: async (tx) => requireMay(actor, operation, await holdVisibleContentIn(tx, actor, contentId)),
    hang: (tx, fileId, mediaType) =>
      insertIn(tx, organizationId, { ...input, contentId, fileId, mediaType, position: null }),
  });
}

/** Who stores files without asking over HTTP: an import. */
export interface Importer {
  readonly organizationId: string;
  readonly userId: string | null;
}

/** What is said of a file outside of this database. */
export interface FileFacts {
  readonly name: string;
  readonly description: string;
  readonly mediaType: string;
  readonly size: number;
  /** Of its bytes, in hexadecimal. */
  readonly sha256: string;
}

/** What makes two files on a lesson the same. */
export const factsOf = ({ name, description, mediaType, size, sha256 }: FileFacts): FileFacts => ({
  name,
  description,
  mediaType,
  size,
  sha256,
});

export interface ImportedFile extends FileFacts {
  /** From the beginning, each time. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

/**
 * Makes exactly these files hang on a lesson, in this order and all at once, for an import; says whether there was anything
 * to do. An archived lesson is left alone, as its text is; one that waits for a review is not, since the operator says what is.
 * The lesson must be there, unless it is a rehearsal, which only looks at the bytes. Refuses with `not_found`,
 * `import_file_altered`, `file_too_large`, `attachment_type_mismatch`, `quota_storage_reached`, `attachments_full`,
 * `storage_unavailable`; then everything is as it was. The detail names the file that is refused.
 */
export async function replaceAttachments(
  deps: Pick<Deps, "db" | "storage" | "config" | "log">,
  importer: Importer,
  contentId: string,
  files: readonly ImportedFile[],
  { dryRun }: { readonly dryRun: boolean },
): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    // By the hash: the same bytes may come under two names.
    const announced = new Map<string, Announced>();
    try {
      const made: NamedFile[] = [];
      for (const file of files) {
        const { sha256, name } = file;
        const named = await take(deps, file.open(), file, async (received, mediaType) => {
          if (received.sha256 !== sha256) throw fileAltered();
          if (dryRun) return null;
          const known = announced.get(sha256) ?? (await announce(deps, importer, received));
          if (!announced.has(sha256)) {
            announced.set(sha256, known);
            if (!known.stored) await deps.storage.keep(received, addressOf(importer, sha256, known));
          }
          return { ...file, fileId: known.fileId, mediaType, size: received.size };
        }).catch((error: unknown) => {
          throw error instanceof Refusal ? ofFile(error, name) : error;
        });
        if (named !== null) made.push(named);
      }
      return dryRun || (await hangIn(deps, importer, contentId, made));
    } catch (error) {
      for (const [sha256, file] of announced) {
        if (!file.stored) await giveUp(deps, addressOf(importer, sha256, file));
      }
      if (!isLost(error) || tries === TRIES) throw error;
    }
  }
}

/** The refusal, which says of which file it is. */
export const ofFile = ({ kind, slug, title, details }: Refusal, name: string): Refusal =>
  new Refusal(kind, slug, title, { ...details, detail: `${JSON.stringify(name)}: ${title}` });

interface NamedFile extends FileFacts {
  readonly fileId: string;
}

async function hangIn(
  deps: Pick<Deps, "db">,
  importer: Importer,
  contentId: string,
  files: readonly NamedFile[],
): Promise<boolean> {
  const { organizationId } = importer;
  return withTenant(deps.db, importer, async (tx) => {
    const content = await holdVisibleContentIn(tx, { organizationId, role: "admin" }, contentId);
    if (content.status === "archived") return false;
    const there = await rows.list(tx, organizationId, [contentId], false);
    if (Bun.deepEquals(there.map(factsOf), files.map(factsOf))) return false;
    const refusals = { ...STORAGE_QUOTA, file_sha256_unique: () => writeConflict() };
    await onConstraint(tx, refusals, async (inner) => {
      // All before the first is counted, in the order of everybody: no two wait for each other.
      for (const fileId of [...new Set([...there, ...files].map((each) => each.fileId))].sort()) {
        if (!(await rows.markStored(inner, organizationId, fileId))) throw writeConflict();
      }
      const now = await rows.list(inner, organizationId, [contentId], false);
      if (!Bun.deepEquals(now, there)) throw writeConflict();
      for (const { id } of there) await rows.softDelete(inner, organizationId, id);
      for (const [at, { fileId, name, description, mediaType }] of files.entries()) {
        const row = { contentId, fileId, name, description, mediaType, position: at + 1 };
        await insertIn(inner, organizationId, row);
      }
    });
    changed(tx, "contents");
    return true;
  });
}

/**
 * Changes what is told. Refuses with `not_found`, `forbidden`, `stale`, `illegal_status_transition`, and with
 * `attachment_type_mismatch` a name that no file of its type may have.
 */
export async function updateAttachment(
  deps: Deps,
  actor: Actor,
  attachmentId: string,
  expected: ExpectedVersion,
  patch: AttachmentPatch,
): Promise<Attachment> {
  return withTenant(deps.db, actor, async (tx) => {
    const before = await lockLive(tx, actor, "PATCH /v1/attachments/:id", attachmentId, expected);
    if (patch.name !== undefined && !isNameOf(patch.name, before.mediaType)) throw typeMismatch();
    await rows.update(tx, actor.organizationId, attachmentId, { ...before, ...patch });
    return changedIn(tx, actor.organizationId, attachmentId);
  });
}

/**
 * Puts the attachments of a lesson into an order, and gives them in it. Refuses with `not_found`, `forbidden`,
 * `illegal_status_transition`, and with `attachment_order_incomplete` when those are not exactly the ones that hang there.
 */
export async function orderAttachments(
  deps: Deps,
  actor: Actor,
  contentId: string,
  attachmentIds: readonly string[],
): Promise<readonly Attachment[]> {
  const { organizationId } = actor;
  const operation = "PUT /v1/contents/:id/attachments/order";
  return withTenant(deps.db, actor, async (tx) => {
    requireMay(actor, operation, await holdVisibleContentIn(tx, actor, contentId));
    const there = new Set((await rows.list(tx, organizationId, [contentId], false)).map(({ id }) => id));
    const asked = new Set(attachmentIds.map((id) => id.toLowerCase()));
    if (asked.size !== attachmentIds.length || !isSame(asked, there)) throw orderIncomplete();
    await rows.order(tx, organizationId, contentId, [...asked]);
    changed(tx, "contents");
    return rows.list(tx, organizationId, [contentId], false);
  });
}

const isSame = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((each) => b.has(each));

/**
 * Deletes an attachment softly; its bytes stay for a month. Refuses with `not_found`, `forbidden`, `stale`,
 * `illegal_status_transition`.
 */
export async function deleteAttachment(
  deps: Deps,
  actor: Actor,
  attachmentId: string,
  expected: ExpectedVersion,
): Promise<void> {
  await withTenant(deps.db, actor, async (tx) => {
    await lockLive(tx, actor, "DELETE /v1/attachments/:id", attachmentId, expected);
    await rows.softDelete(tx, actor.organizationId, attachmentId);
    changed(tx, "contents");
  });
}

/**
 * Brings a deleted attachment back to its lesson. Refuses with `not_found`, also when the lesson itself is deleted, and with
 * `forbidden`, `stale`, `illegal_status_transition`, `attachment_not_deleted`, `attachments_full`, `quota_storage_reached`.
 */
export async function restoreAttachment(
  deps: Deps,
  actor: Actor,
  attachmentId: string,
  expected: ExpectedVersion,
): Promise<Attachment> {
  const { organizationId } = actor;
  return withTenant(deps.db, actor, async (tx) => {
    const attachment = await lock(tx, actor, "POST /v1/attachments/:id/restore", attachmentId, expected);
    if (attachment.deletedAt === null) throw attachmentNotDeleted();
    await requireRoom(tx, organizationId, attachment.contentId);
    await onConstraint(tx, STORAGE_QUOTA, (inner) => rows.restore(inner, organizationId, attachmentId));
    return changedIn(tx, organizationId, attachmentId);
  });
}

/** Refuses with `forbidden` who may not write the lesson, and with `illegal_status_transition` while nobody may. */
function requireMay(actor: Actor, operation: MemberOperation, content: VisibleContent): void {
  if (!mayAct(actor, operation, content.createdById)) throw forbidden();
  requireTransition("attach", content);
}

/** Live or deleted, of a lesson that the actor may write. The lesson first, as whoever deletes it. */
async function lock(
  tx: TenantTx,
  actor: Actor,
  operation: MemberOperation,
  attachmentId: string,
  expected: ExpectedVersion,
): Promise<Attachment> {
  const found = await rows.find(tx, actor.organizationId, attachmentId);
  if (found === null) throw notFound();
  const content = await holdVisibleContentIn(tx, actor, found.contentId);
  const attachment = await rows.lock(tx, actor.organizationId, attachmentId);
  if (attachment === null) throw notFound();
  // Only who may bring it back sees a deleted one.
  const mine = mayAct(actor, operation, content.createdById);
  if (!mine) throw attachment.deletedAt === null ? forbidden() : notFound();
  requireVersion(expected, attachment.version);
  requireTransition("attach", content);
  return attachment;
}

async function lockLive(
  tx: TenantTx,
  actor: Actor,
  operation: MemberOperation,
  attachmentId: string,
  expected: ExpectedVersion,
): Promise<Attachment> {
  const found = await rows.find(tx, actor.organizationId, attachmentId);
  if (found === null || found.deletedAt !== null) throw notFound();
  const attachment = await lock(tx, actor, operation, attachmentId, expected);
  if (attachment.deletedAt !== null) throw notFound();
  return attachment;
}

async function changedIn(tx: TenantTx, organizationId: string, attachmentId: string): Promise<Attachment> {
  changed(tx, "contents");
  const attachment = await rows.find(tx, organizationId, attachmentId);
  if (attachment === null) throw new Error("an attachment that was just written is gone");
  return attachment;
}

async function requireRoom(tx: TenantTx, organizationId: string, contentId: string): Promise<void> {
  if ((await rows.count(tx, organizationId, contentId)) >= ATTACHMENTS_LIMIT) throw tooManyAttachments();
}

async function insertIn(
  tx: TenantTx,
  organizationId: string,
  {
    name,
    description = "",
    ...row
  }: Omit<rows.NewAttachment, "attachmentId" | "description"> & {
    readonly description?: string;
  },
): Promise<Attachment> {
  await requireRoom(tx, organizationId, row.contentId);
  const { contentId, fileId, mediaType, position } = row;
  const attachmentId = Bun.randomUUIDv7();
  const made = { attachmentId, contentId, fileId, name, description, mediaType, position };
  await onConstraint(tx, STORAGE_QUOTA, (inner) => rows.insert(inner, organizationId, made));
  return changedIn(tx, organizationId, attachmentId);
}

// ---------------------------------------------------------------------- bytes, then rows

interface Hanging {
  /** Before the file: whoever deletes the lesson holds it first and then its files, and two would wait for each other. */
  readonly hold: (tx: TenantTx) => Promise<void>;
  readonly hang: (tx: TenantTx, fileId: string, mediaType: string) => Promise<Attachment>;
}

/** Takes the bytes in, finds out what they are, and has `hang` name them. */
const store = (
  deps: Pick<Deps, "db" | "storage" | "config" | "log">,
  tenant: Importer,
  chunks: AsyncIterable<Uint8Array>,
  claim: Claim,
  hanging: Hanging,
): Promise<Attachment> =>
  take(deps, chunks, claim, (received, mediaType) => keep(deps, tenant, received, mediaType, hanging));

type Claim = Pick<AttachmentInput, "name" | "mediaType">;

/** Takes the bytes in and finds out what they are. They are there until `use` ends. */
async function take<T>(
  deps: Pick<Deps, "storage" | "config">,
  chunks: AsyncIterable<Uint8Array>,
  { name, mediaType: sentAs }: Claim,
  use: (received: Received, mediaType: string) => Promise<T>,
): Promise<T> {
  const received = await deps.storage.receive(chunks, deps.config.fileLimitBytes);
  try {
    const mediaType = await mediaTypeOf(Bun.file(received.path), name, sentAs);
    if (mediaType === null) throw typeMismatch();
    return await use(received, mediaType);
  } finally {
    await deps.storage.discard(received);
  }
}

/** Tries again when somebody else has stored the same bytes, or removed them, at the same moment. */
const TRIES = 3;
const isLost = (error: unknown): boolean => error instanceof Refusal && error.slug === writeConflict.slug;

async function keep(
  deps: Pick<Deps, "db" | "storage" | "log">,
  tenant: Importer,
  received: Received,
  mediaType: string,
  { hold, hang }: Hanging,
): Promise<Attachment> {
  const { organizationId } = tenant;
  for (let tries = 1; ; tries++) {
    const file = await announce(deps, tenant, received);
    const { fileId, stored } = file;
    const address = addressOf(tenant, received.sha256, file);
    try {
      if (!stored) await deps.storage.keep(received, address);
      return await withTenant(deps.db, tenant, async (tx) => {
        await hold(tx);
        const there = await onConstraint(tx, { file_sha256_unique: () => writeConflict() }, (inner) =>
          rows.markStored(inner, organizationId, fileId),
        );
        if (!there) throw writeConflict();
        return hang(tx, fileId, mediaType);
      });
    } catch (error) {
      if (!stored) await giveUp(deps, address);
      if (!isLost(error) || tries === TRIES) throw error;
    }
  }
}

interface Announced {
  readonly fileId: string;
  /** Its bytes are there. */
  readonly stored: boolean;
}

const addressOf = ({ organizationId }: Importer, sha256: string, { fileId }: Announced): Address => ({
  organizationId,
  sha256,
  fileId,
});

/** The file that has these bytes already, or a new one that will. Refuses with `quota_storage_reached`. */
async function announce(
  { db }: Pick<Deps, "db">,
  { organizationId, userId }: Importer,
  { sha256, size }: Received,
): Promise<Announced> {
  return withTenant(db, { organizationId, userId }, async (tx) => {
    const known = await rows.findStored(tx, organizationId, sha256);
    if (known !== null) return { fileId: known, stored: true };
    const left = await storageLeftIn(tx, organizationId);
    if (left !== null && size > left) throw quotaStorageReached();
    const fileId = Bun.randomUUIDv7();
    await rows.announce(tx, organizationId, { fileId, sha256, size });
    return { fileId, stored: false };
  });
}

/** At once what `collectFiles` would do in an hour. Whatever it does not manage is left to that. */
async function giveUp(
  { db, storage, log }: Pick<Deps, "db" | "storage" | "log">,
  address: Address,
): Promise<void> {
  const { organizationId, fileId } = address;
  try {
    // Not when the transaction was committed after all, which nobody was told.
    const unnamed = await withTenant(db, { organizationId, userId: null }, (tx) =>
      rows.giveUp(tx, organizationId, fileId),
    );
    if (unnamed) await storage.remove(address);
  } catch (error) {
    log.warn("file_not_given_up", { organizationId, error });
  }
}

// ---------------------------------------------------------------------- what is left over

/** Removes attachments that were deleted a month ago, at most `limit`. How many there were. */
export const pruneAttachments = (deps: Deps, organizationId: string, limit: number): Promise<number> =>
  withTenant(deps.db, { organizationId, userId: null }, (tx) => rows.pruneDeleted(tx, organizationId, limit));

/** Removes the rows of files that nothing names and nothing will, at most `limit`. How many there were. */
export const pruneFiles = (deps: Deps, organizationId: string, limit: number): Promise<number> =>
  withTenant(deps.db, { organizationId, userId: null }, (tx) => rows.pruneFiles(tx, organizationId, limit));

/**
 * Removes the bytes of an organization that no row announces: none ever will. How many there were. Refuses with
 * `storage_unavailable`.
 */
export async function collectBytes(
  deps: Pick<Deps, "db" | "storage">,
  organizationId: string,
  signal: AbortSignal,
): Promise<number> {
  let count = 0;
  for await (const addresses of deps.storage.list(organizationId)) {
    signal.throwIfAborted();
    if (addresses.length === 0) continue;
    // Asked for after the bytes were seen: whatever is announced by then is in it.
    const known = await readTenant(deps.db, { organizationId, userId: null }, (tx) =>
      rows.known(
        tx,
        organizationId,
        addresses.map(({ fileId }) => fileId),
      ),
    );
    for (const address of addresses.filter(({ fileId }) => !known.has(fileId))) {
      await deps.storage.remove(address);
      count++;
    }
  }
  return count;
}

/** Removes what uploads to this node have left half-way. How many there were. */
export const collectLeftOvers = ({ storage }: Pick<Deps, "storage">): Promise<number> =>
  storage.removeLeftOvers(HALF_DONE_MS);
