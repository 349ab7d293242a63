/**
 * Lessons on their way from one organization to another, or out and back: all that staff write and readers see of them,
 * their status, and their files. Versions, reviews, comments and ratings stay behind: they are of people, who stay too.
 */
import {
  type Attachment,
  type FileFacts,
  factsOf,
  listAttachmentsOfIn,
  ofFile,
  openBytes,
  replaceAttachments,
} from "../attachments/attachments.ts";
import { TAKEN_SINCE } from "../contents/contents.ts";
import { changed, onConstraint, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { refusal } from "../errors.ts";
import { enqueue } from "../queue.ts";
import type { Lesson, Stage } from "./repository.ts";
import * as rows from "./repository.ts";

export { type FileFacts, factsOf } from "../attachments/attachments.ts";
export { CONTENT_TYPES, DIFFICULTY_LEVELS } from "../contents/contents.ts";
export type { Lesson, LessonText } from "./repository.ts";

export const fileMissing = refusal("invalid", "import_file_missing", "The file is not in the import");

/** Lessons and bytes of them in memory at once. */
const BATCH = 100;
const BATCH_BYTES = 4 * 1024 * 1024;

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
 * do. All of them or none. Refuses with `import_file_missing`, and as `replaceAttachments` does; the detail names the file.
 */
export async function importAttachments(
  deps: Deps,
  importer: Importer,
  contentId: string,
  files: readonly FileFacts[],
  bytes: Files,
  { dryRun }: Pick<TransferOptions, "dryRun">,
): Promise<boolean> {
  const { organizationId } = importer;
  const there = await withTenant(
    deps.db,
    importer,
    async (tx) => (await listAttachmentsOfIn(tx, organizationId, [contentId])).get(contentId) ?? [],
    { readOnly: true },
  );
  if (Bun.deepEquals(there.map(factsOf), files.map(factsOf))) return false;
  // Found out before any bytes are read.
  for (const { sha256, name } of files) {
    if (!(await bytes.has(sha256))) throw ofFile(fileMissing(), name);
  }
  const opened = files.map((file) => ({ ...file, open: () => bytes.open(file.sha256) }));
  return replaceAttachments(deps, importer, contentId, opened, { dryRun });
}
