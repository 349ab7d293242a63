/**
 * Lessons on their way from one organization to another, or out and back: all that staff write and readers see of them,
 * their status, and their files. Versions, reviews, comments and ratings stay behind: they are of people, who stay too.
 */
import { createHash } from "node:crypto";
import {
  type Attachment,
  discardAttachmentsIn,
  importAttachment,
  listAttachmentsOfIn,
  openBytes,
} from "../attachments/attachments.ts";
import { TAKEN_SINCE } from "../contents/contents.ts";
import { changed, onConstraint, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { refusal } from "../errors.ts";
import { enqueue } from "../queue.ts";
import type { Lesson, Stage } from "./repository.ts";
import * as rows from "./repository.ts";

export { CONTENT_TYPES, DIFFICULTY_LEVELS } from "../contents/contents.ts";
export type { Lesson, LessonText } from "./repository.ts";

export const fileMissing = refusal(
  "invalid",
  "import_file_missing",
  "A file of the lesson is not in the import",
);
export const fileAltered = refusal(
  "invalid",
  "import_file_altered",
  "A file of the lesson is not what its name says",
);

/** Lessons and bytes of them in memory at once. */
const BATCH = 100;
const BATCH_BYTES = 4 * 1024 * 1024;

/** What an export says of a file that hangs on a lesson. */
export interface FileFacts {
  readonly name: string;
  readonly description: string;
  readonly mediaType: string;
  readonly size: number;
  /** Of its bytes, in hexadecimal. */
  readonly sha256: string;
}

export interface ExportedLesson {
  readonly lesson: Lesson;
  readonly attachments: readonly Attachment[];
}

/**
 * Every live lesson of an organization with what hangs on it, a few at a time, in the order of what they are known by: the
 * same lessons in the same order, whatever organization they are in. Each is as it is when it is read. A lesson that waits
 * for a review is a draft: nobody is asked elsewhere.
 */
export async function* exportLessons(
  deps: Pick<Deps, "db">,
  organizationId: string,
): AsyncGenerator<readonly ExportedLesson[]> {
  const system = { organizationId, userId: null };
  const ids = await withTenant(deps.db, system, (tx) => rows.listIds(tx, organizationId), { readOnly: true });
  let batch: string[] = [];
  let size = 0;
  const read = () =>
    withTenant(
      deps.db,
      system,
      async (tx) => {
        const lessons = await rows.list(tx, organizationId, batch);
        const attachments = await listAttachmentsOfIn(tx, organizationId, batch);
        return batch.flatMap((id): readonly ExportedLesson[] => {
          const lesson = lessons.get(id);
          // Deleted since.
          if (lesson === undefined) return [];
          const status = lesson.status === "pending_review" ? "draft" : lesson.status;
          return [{ lesson: { ...lesson, status }, attachments: attachments.get(id) ?? [] }];
        });
      },
      { readOnly: true },
    );
  for (const { contentId, bytes } of ids) {
    if (batch.length > 0 && (batch.length >= BATCH || size + bytes > BATCH_BYTES)) {
      yield await read();
      batch = [];
      size = 0;
    }
    batch.push(contentId);
    size += bytes;
  }
  if (batch.length > 0) yield await read();
}

/** The bytes of a file that hangs on an exported lesson. Refuses with `storage_unavailable`. */
export async function readFile(
  deps: Pick<Deps, "storage" | "log">,
  organizationId: string,
  attachment: Attachment,
): Promise<ReadableStream<Uint8Array>> {
  const { size, read } = await openBytes(deps, organizationId, attachment);
  return read(0, size);
}

export interface TransferOptions {
  /** Publishes them, whatever they were. */
  readonly publish: boolean;
  /** Finds out what would happen, and stores nothing. */
  readonly dryRun: boolean;
}

/** What became of a lesson. */
export interface Transferred {
  readonly id: string;
  readonly outcome: "added" | "changed" | "unchanged";
}

interface Importer {
  readonly organizationId: string;
  readonly userId: string | null;
}

/**
 * Stores a batch of lessons, none of them twice: one that is not known is added, another becomes what it is to be, and one
 * that is so already is left alone. A few statements however many they are; gives what became of each. Refuses with `content_slug_taken` and
 * `quota_storage_reached`; then nothing of the batch is stored.
 */
export async function importLessons(
  deps: Deps,
  importer: Importer,
  lessons: readonly Lesson[],
  { publish, dryRun }: TransferOptions,
): Promise<readonly Transferred[]> {
  const { organizationId } = importer;
  const rehearsal = new Error("a rehearsal is rolled back");
  let result: readonly Transferred[] = [];
  await withTenant(deps.db, importer, async (tx) => {
    const known = await rows.lockKnown(tx, organizationId, lessons);
    const asked = lessons.map((lesson, at) => ({
      id: known[at] ?? Bun.randomUUIDv7(),
      isNew: known[at] === null,
      lesson: publish ? published(lesson) : lesson,
    }));
    const touched = await onConstraint(tx, TAKEN_SINCE, async (inner) => {
      const added = asked.filter(({ isNew }) => isNew);
      const first = added.map(({ id, lesson }) => liveStage(id, lesson) ?? stage(id, lesson));
      if (first.length > 0) await rows.insert(inner, organizationId, first);
      const there = asked.filter(({ isNew }) => !isNew);
      const live = there.flatMap(({ id, lesson }) => liveStage(id, lesson) ?? []);
      const changed = live.length === 0 ? [] : await rows.update(inner, organizationId, live);
      // Also of the new ones, where a draft stands beside what readers see.
      const last = asked
        .filter(({ isNew, lesson }) => !isNew || lesson.live !== null)
        .map(({ id, lesson }) => stage(id, lesson));
      const changedLast = last.length === 0 ? [] : await rows.update(inner, organizationId, last);
      return new Set([...first.map(({ id }) => id), ...changed, ...changedLast]);
    });
    result = asked.map(({ id, isNew }) => ({
      id,
      outcome: isNew ? "added" : touched.has(id) ? "changed" : "unchanged",
    }));
    if (dryRun) throw rehearsal;
    if (touched.size > 0) {
      const contentIds = [...touched];
      await enqueue(deps.queue, tx, "reindex-search", { organizationId, contentIds }, { bulk: true });
      changed(tx, "contents");
    }
  }).catch((error: unknown) => {
    if (error !== rehearsal) throw error;
  });
  return result;
}

const published = (lesson: Lesson): Lesson => ({
  ...lesson,
  status: "published",
  publishAt: null,
  live: null,
});

const stage = (id: string, lesson: Lesson): Stage => ({
  id,
  lesson,
  live: lesson.status === "published" || lesson.live !== null,
  beside: false,
});

/** What readers see of it, where that is another text than its last. */
const liveStage = (id: string, lesson: Lesson): Stage | null =>
  lesson.live === null
    ? null
    : {
        id,
        lesson: { ...lesson, text: lesson.live, status: "published", publishAt: null, unpublishAt: null },
        live: true,
        beside: true,
      };

/** The files of an import, by the hash of their bytes. */
export interface Files {
  has(sha256: string): Promise<boolean>;
  open(sha256: string): AsyncIterable<Uint8Array>;
}

/**
 * Makes exactly these files hang on a lesson, in this order, unless they do already; says whether there was anything to
 * do. What is begun and not ended is done again by the next import. Refuses with `import_file_missing`,
 * `import_file_altered`, and as `importAttachment` does.
 */
export async function importAttachments(
  deps: Deps,
  importer: Importer,
  contentId: string,
  files: readonly FileFacts[],
  bytes: Files,
): Promise<boolean> {
  const { organizationId } = importer;
  const there = await withTenant(
    deps.db,
    importer,
    async (tx) => (await listAttachmentsOfIn(tx, organizationId, [contentId])).get(contentId) ?? [],
    { readOnly: true },
  );
  if (Bun.deepEquals(there.map(factsOf), files.map(factsOf))) return false;
  // Found out before anything is taken away.
  for (const { sha256, name } of files) {
    if (!(await bytes.has(sha256))) throw fileMissing({ detail: `It is ${JSON.stringify(name)}.` });
  }
  for (const [at, { name, description, mediaType, size, sha256 }] of files.entries()) {
    const input = { name, description, mediaType, length: size, position: at + 1 };
    await importAttachment(deps, importer, contentId, input, verified(bytes.open(sha256), sha256));
  }
  // Last: until the others are whole, what hangs there stays.
  const ids = there.map(({ id }) => id);
  await withTenant(deps.db, importer, (tx) => discardAttachmentsIn(tx, organizationId, ids));
  return true;
}

/** What makes two files on a lesson the same. */
export const factsOf = ({ name, description, mediaType, size, sha256 }: FileFacts): FileFacts => ({
  name,
  description,
  mediaType,
  size,
  sha256,
});

/** The bytes, which end in an error when they are others than they were said to be. */
async function* verified(bytes: AsyncIterable<Uint8Array>, sha256: string): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest("hex") !== sha256) throw fileAltered();
}
