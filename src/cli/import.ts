import { createHash } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { lstat, mkdtemp, readFile as readBytes, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type FileFacts,
  type Files,
  importAttachments,
  importLessons,
} from "../content-transfers/content-transfers.ts";
import { importContents } from "../contents/contents.ts";
import type { Deps } from "../deps.ts";
import { Refusal } from "../errors.ts";
import { TarProblem, unpackTar } from "../tar.ts";
import { type Call, type Command, DATA_DIR, EXIT, Exit } from "./command.ts";
import { PUBLISHED, type ReadRecord, readMarkdown, readRecord } from "./lesson-file.ts";
import { linesOf } from "./lines.ts";
import { openAll, organizationNamed, requireStorage } from "./open.ts";
import { quietLogOf, readSettingsOf } from "./settings.ts";

/** Lessons and bytes in one statement. */
const BATCH = 100;
const BATCH_BYTES = 2 * 1024 * 1024;
/** A body twice, as a draft and as what readers see, every character of it escaped. */
const LINE_BYTES = 32 * 1024 * 1024;
/** How long a database that is away is waited for: as long as one takes to start again. */
const PATIENCE_MS = 30_000;

export const importCommand: Command = {
  name: "import",
  summary: "import lessons from a file, a folder or an archive",
  usage: "PATH --organization SLUG [--publish] [--dry-run]",
  details: [
    "PATH is a file of one JSON object a line, - for standard input. Each line holds source_id and title, and may hold",
    "summary, body, language and tags; all other fields are kept as metadata. Or it is what `satchel export` wrote: a",
    "folder, an archive or a file of lines; or a folder of Markdown files with front matter, in folders in it too. What is",
    "neither is named and passed over. A lesson is known by its source_id, one of an export without any by its slug:",
    "importing the same again changes nothing, and a changed record becomes a new version. What is refused is told with",
    "its line or file, the rest goes on; then the exit code is 1.",
  ].join("\n"),
  options: {
    ...DATA_DIR,
    organization: { type: "string", value: "SLUG", meaning: "the organization that gets the lessons" },
    publish: { type: "boolean", meaning: "publish the lessons" },
    "dry-run": { type: "boolean", meaning: "check everything and store nothing" },
  },
  positionals: { min: 1, max: 1 },
  run: async (call) => {
    const slug = call.options.organization;
    if (typeof slug !== "string") throw new Exit(EXIT.usage, "--organization is missing");
    const input = await openInput(call.positionals[0] ?? "-");
    const config = readSettingsOf(call);
    const opened = await openAll(config, quietLogOf(config), false).catch(async (error: unknown) => {
      await input.close();
      throw error;
    });
    try {
      const { organizationId } = await organizationNamed(
        opened.deps,
        slug,
        "POST /v1/organizations creates one.",
      );
      if (input.files !== null) await requireStorage(opened.deps);
      sayPassedOver(call, input.passedOver);
      const options = { publish: call.options.publish === true, dryRun: call.options["dry-run"] === true };
      const refused = await importItems(call, opened.deps, organizationId, input, options);
      return refused === 0 ? EXIT.ok : EXIT.failed;
    } finally {
      await opened.close();
      await input.close();
    }
  },
};

export interface Source {
  readonly stream: ReadableStream<Uint8Array>;
  /** Null when it is not known. */
  readonly bytes: number | null;
}

/** Opens a file, or standard input. Throws Exit when it cannot be read. */
export async function openFile(path: string): Promise<Source> {
  if (path === "-") return { stream: Bun.stdin.stream(), bytes: null };
  const file = Bun.file(path);
  const found = await file.stat().catch(() => null);
  if (found === null) throw new Exit(EXIT.failed, `there is no file ${path}`);
  if (found.isDirectory()) throw new Exit(EXIT.failed, `${path} is a folder`);
  try {
    accessSync(path, constants.R_OK);
  } catch {
    throw new Exit(EXIT.failed, `this user may not read ${path}`);
  }
  return { stream: file.stream(), bytes: found.isFile() ? found.size : null };
}

/** One lesson of an import, where it stands, and how many bytes it took. */
interface Item {
  /** `line 5`, or the name of a file. */
  readonly where: string;
  readonly read: ReadRecord;
  readonly bytes: number;
}

/** All that is imported at once. */
interface Input {
  readonly items: AsyncIterable<Item>;
  /** Null when it is not known. */
  readonly bytes: number | null;
  /** Null: what hangs on lessons is not in it. */
  readonly files: Files | null;
  /** Names of what is in the folder and is not imported. */
  readonly passedOver: readonly string[];
}

/** Names that are told one by one. */
const NAMED = 20;

function sayPassedOver(call: Call, names: readonly string[]): void {
  for (const name of names.slice(0, NAMED)) call.say(`${name}: passed over`);
  if (names.length > NAMED) call.say(`${names.length - NAMED} more are passed over.`);
}

type Good = Exclude<ReadRecord, { readonly problem: string }>;

/** What a lesson is known by. */
const keyOf = (read: Good): string => {
  const sourceId = read.kind === "foreign" ? read.record.sourceId : read.lesson.sourceId;
  return sourceId === null && read.kind === "lesson" ? `slug ${read.lesson.text.slug}` : `source ${sourceId}`;
};

/** Imports lessons; gives how many were refused. */
async function importItems(
  call: Call,
  deps: Deps,
  organizationId: string,
  input: Input,
  options: { readonly publish: boolean; readonly dryRun: boolean },
): Promise<number> {
  const started = performance.now();
  const counts = { added: 0, changed: 0, unchanged: 0, refused: 0 };
  const progress = openProgress(input.bytes);
  const actor = { organizationId, userId: null };
  let batch: { readonly where: string; readonly read: Good }[] = [];
  let batchBytes = 0;
  const keys = new Set<string>();
  const rehearsed = new Map<string, string>();
  let storedUpTo = "line 0";
  let withoutFiles = 0;

  const refuse = (where: string, problem: string) => {
    counts.refused += 1;
    progress.clear();
    call.say(`${where}: ${problem}`);
  };
  const store = async (items: typeof batch): Promise<void> => {
    try {
      const records = items.flatMap(({ read }) => (read.kind === "foreign" ? [read.record] : []));
      if (records.length > 0) {
        const result = await patiently(() => importContents(deps, actor, records, options));
        counts.added += result.added;
        counts.changed += result.changed;
        counts.unchanged += result.unchanged;
      }
      const lessons = items.flatMap(({ where, read }) =>
        read.kind === "lesson" ? [{ where, ...read }] : [],
      );
      if (lessons.length === 0) return;
      const stored = await patiently(() =>
        importLessons(
          deps,
          actor,
          lessons.map(({ lesson }) => lesson),
          options,
        ),
      );
      for (const [at, { where, files }] of lessons.entries()) {
        const { id, outcome } = stored[at] ?? { id: "", outcome: "unchanged" as const };
        const hung = files === null ? "unchanged" : await hang(where, id, files);
        if (hung !== "refused") counts[outcome === "unchanged" ? hung : outcome] += 1;
      }
    } catch (error) {
      if (!(error instanceof Refusal) || error.kind === "unavailable") throw error;
      const [only] = items;
      if (items.length === 1 && only !== undefined) return refuse(only.where, error.title);
      // One of them is in the way of all: each for itself tells which.
      for (const item of items) await store([item]);
    }
  };
  const hang = async (
    where: string,
    id: string,
    files: readonly FileFacts[],
  ): Promise<"changed" | "unchanged" | "refused"> => {
    const from = input.files;
    if (from === null) {
      if (files.length > 0) withoutFiles += 1;
      return "unchanged";
    }
    try {
      const done = await patiently(() => importAttachments(deps, actor, id, files, from, options));
      return done ? "changed" : "unchanged";
    } catch (error) {
      if (!(error instanceof Refusal) || error.kind === "unavailable") throw error;
      const kept = options.dryRun ? "" : "; its text is stored, its attachments are as they were";
      refuse(where, `${error.details.detail ?? error.title}${kept}`);
      return "refused";
    }
  };
  const flush = async () => {
    const items = batch;
    batch = [];
    batchBytes = 0;
    keys.clear();
    if (items.length > 0) await store(items);
    storedUpTo = items.at(-1)?.where ?? storedUpTo;
  };
  /** Nothing of a rehearsal is stored, so that a lesson that comes twice has to be remembered here. */
  const rehearsedBefore = (read: Good): boolean => {
    if (!options.dryRun) return false;
    const [id, content] = [fingerprint(keyOf(read)), fingerprint(JSON.stringify(read))];
    const before = rehearsed.get(id);
    rehearsed.set(id, content);
    if (before === undefined) return false;
    if (before === content) counts.unchanged += 1;
    else counts.changed += 1;
    return true;
  };

  try {
    for await (const { where, read, bytes } of input.items) {
      progress.show(counts, bytes);
      if ("problem" in read) {
        refuse(where, read.problem);
        continue;
      }
      // The same lesson twice in one statement would be two answers to one question: the later one comes later.
      const key = keyOf(read);
      if (keys.has(key)) await flush();
      if (rehearsedBefore(read)) continue;
      keys.add(key);
      batch.push({ where, read });
      batchBytes += bytes;
      if (batch.length >= BATCH || batchBytes >= BATCH_BYTES) await flush();
    }
    await flush();
  } catch (error) {
    progress.clear();
    call.say(
      options.dryRun
        ? "The check ended early."
        : `Ended early: the lessons up to ${storedUpTo} are stored. Import the file again to store the rest.`,
    );
    throw error;
  }
  progress.clear();
  if (withoutFiles > 0) {
    call.say(
      `The attachments of ${withoutFiles} lessons are not in a file of lines: import the folder or the archive.`,
    );
  }

  const { added, changed, unchanged, refused } = counts;
  const total = added + changed + unchanged;
  const seconds = (performance.now() - started) / 1000;
  const rate = Math.round(total / Math.max(seconds, 0.001));
  call.out(
    `${options.dryRun ? "Would import" : "Imported"} ${total} lessons: ${added} added, ${changed} changed, ${unchanged} unchanged, ${refused} refused (${seconds.toFixed(1)} s, ${rate} lessons/s)`,
  );
  return refused;
}

/** The lessons of a file of lines. */
async function* lineItems(stream: ReadableStream<Uint8Array>): AsyncGenerator<Item> {
  for await (const { number, text, problem, bytes } of linesOf(stream, LINE_BYTES)) {
    if (text !== null && text.trim() === "") continue;
    const read = text === null ? { problem: problem ?? "cannot be read" } : readRecord(text);
    yield { where: `line ${number}`, read, bytes };
  }
}

/** The lessons of Markdown files, in the order of their names. Two of one slug would each undo what the other has done. */
async function* markdownItems(folder: string, names: readonly string[]): AsyncGenerator<Item> {
  const there = new Set(names);
  const fileOf = new Map<string, string>();
  for (const name of names) {
    if (name.endsWith(PUBLISHED)) {
      if (there.has(`${name.slice(0, -PUBLISHED.length)}.md`)) continue;
      yield { where: name, read: { problem: "stands beside no lesson" }, bytes: 0 };
      continue;
    }
    const stem = name.slice(0, -".md".length);
    const beside = `${stem}${PUBLISHED}`;
    const [text, live] = [
      await readText(folder, name),
      there.has(beside) ? await readText(folder, beside) : null,
    ];
    if ("problem" in text) yield { where: name, read: text, bytes: 0 };
    else if (live !== null && "problem" in live) yield { where: beside, read: live, bytes: 0 };
    else {
      const bytes = text.bytes + (live?.bytes ?? 0);
      const read = readMarkdown(stem, text.text, live?.text ?? null);
      const key = "problem" in read ? null : fingerprint(keyOf(read));
      const other = key === null ? undefined : fileOf.get(key);
      if (key !== null && other === undefined) fileOf.set(key, name);
      yield other === undefined
        ? { where: name, read, bytes }
        : { where: name, read: { problem: `is the same lesson as ${other}` }, bytes };
    }
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

async function readText(
  folder: string,
  name: string,
): Promise<{ readonly text: string; readonly bytes: number } | { readonly problem: string }> {
  const path = join(folder, name);
  const found = await lstat(path).catch(() => null);
  if (found?.isFile() !== true) return { problem: "is no file" };
  if (found.size > LINE_BYTES) return { problem: `is longer than ${LINE_BYTES} bytes` };
  const bytes = await readBytes(path).catch(() => null);
  if (bytes === null) return { problem: "cannot be read" };
  try {
    return { text: utf8.decode(bytes), bytes: found.size };
  } catch {
    return { problem: "is not UTF-8" };
  }
}

/** Finds out what there is to import. Throws Exit when it is nothing of the kind. */
async function openInput(path: string): Promise<Input & { close(): Promise<void> }> {
  const found = path === "-" ? null : await stat(path).catch(() => null);
  if (found?.isDirectory() === true) return { ...(await openFolder(path, path)), close: async () => {} };
  const { stream, bytes } = await openFile(path);
  const [head, whole] = await peek(stream);
  if (!isTar(head))
    return { items: lineItems(whole), bytes, files: null, passedOver: [], close: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), "satchel-import-"));
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    await unpackTar(whole, folder, isWanted);
    return { ...(await openFolder(folder, path)), close };
  } catch (error) {
    await close();
    throw error instanceof TarProblem ? new Exit(EXIT.failed, `${path} ${error.message}`) : error;
  }
}

const FILE = /^files\/[0-9a-f]{64}$/;
/** Nothing else is unpacked: no name leads out of the folder. */
const isWanted = (name: string): boolean =>
  name === "lessons.ndjson" ||
  name === "files/" ||
  FILE.test(name) ||
  /^(?![.])[^/\\\0]{1,255}\.md$/.test(name);

async function openFolder(folder: string, called: string): Promise<Input> {
  const files: Files = {
    has: async (sha256) => (await lstat(join(folder, "files", sha256)).catch(() => null))?.isFile() === true,
    open: (sha256) => Bun.file(join(folder, "files", sha256)).stream(),
  };
  const { markdown, lines, passedOver } = await entriesOf(folder, called);
  if (lines) {
    if (markdown.length > 0)
      throw new Exit(EXIT.failed, `${called} holds lessons.ndjson and Markdown as well`);
    const { stream, bytes } = await openFile(join(folder, "lessons.ndjson"));
    return { items: lineItems(stream), bytes, files, passedOver };
  }
  if (markdown.length === 0) throw new Exit(EXIT.failed, `${called} holds no lessons.ndjson and no Markdown`);
  return { items: markdownItems(folder, markdown), bytes: null, files, passedOver };
}

interface Entries {
  /** Names of Markdown files from the folder on, in their order. */
  readonly markdown: readonly string[];
  readonly lines: boolean;
  /** Whatever is no part of an import, a folder ending in a slash. */
  readonly passedOver: readonly string[];
}

/** What is in a folder and the folders in it. Links to folders lead to nowhere, hidden ones are somebody else's. */
async function entriesOf(folder: string, called: string): Promise<Entries> {
  const markdown: string[] = [];
  const passedOver: string[] = [];
  let lines = false;
  const left = [""];
  for (let under = left.pop(); under !== undefined; under = left.pop()) {
    const entries = await readdir(join(folder, under), { withFileTypes: true }).catch(() => {
      throw new Exit(EXIT.failed, `this user may not read ${join(called, under)}`);
    });
    for (const entry of entries) {
      const name = `${under}${entry.name}`;
      const hidden = entry.name.startsWith(".");
      if (entry.isDirectory() && !hidden) left.push(`${name}/`);
      else if (entry.isDirectory()) passedOver.push(`${name}/`);
      else if (name === "lessons.ndjson") lines = true;
      else if (entry.name.endsWith(".md") && !hidden) markdown.push(name);
      else if (!FILE.test(name)) passedOver.push(name);
    }
  }
  return { markdown: markdown.sort(), lines, passedOver: passedOver.sort() };
}

const BLOCK = 512;

/** An archive says so in its first block. */
const isTar = (head: Uint8Array): boolean =>
  head.byteLength >= BLOCK && Buffer.from(head.subarray(257, 262)).toString("latin1") === "ustar";

/** The first bytes of a stream, as many as a block where there are so many, and all of it. */
async function peek(
  stream: ReadableStream<Uint8Array>,
): Promise<readonly [head: Uint8Array, whole: ReadableStream<Uint8Array>]> {
  const reader = stream.getReader();
  let head: Uint8Array = new Uint8Array(0);
  let ended = false;
  while (head.byteLength < BLOCK && !ended) {
    const { done, value } = await reader.read();
    if (value !== undefined) head = Buffer.concat([head, value]);
    ended = done;
  }
  const first = head;
  const whole = new ReadableStream<Uint8Array>({
    start: (controller) => {
      if (first.byteLength > 0) controller.enqueue(first);
      if (ended) controller.close();
    },
    pull: async (controller) => {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return [head, whole];
}

/** Does it again while the database is away; a batch that was stored without our knowing is not stored twice. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const away = error instanceof Refusal && error.kind === "unavailable";
      if (!away || performance.now() > deadline) throw error;
      await Bun.sleep(250);
    }
  }
}

const fingerprint = (text: string): string => createHash("sha256").update(text).digest("base64").slice(0, 16);

interface Progress {
  show(
    counts: { readonly added: number; readonly changed: number; readonly unchanged: number },
    bytes: number,
  ): void;
  clear(): void;
}

const BAR = 30;

/** A bar on a terminal, nothing elsewhere: in a log it would only be noise. */
function openProgress(total: number | null): Progress {
  if (!process.stderr.isTTY) return { show: () => {}, clear: () => {} };
  let seen = 0;
  let shown = 0;
  return {
    show: ({ added, changed, unchanged }, bytes) => {
      seen += bytes;
      if (performance.now() - shown < 100) return;
      shown = performance.now();
      const done = added + changed + unchanged;
      const part = total === null || total === 0 ? 0 : Math.min(1, seen / total);
      const bar =
        total === null
          ? ""
          : `[${"#".repeat(Math.round(part * BAR)).padEnd(BAR)}] ${Math.round(part * 100)}% `;
      process.stderr.write(`\r\x1b[K${bar}${done} lessons`);
    },
    clear: () => {
      if (shown > 0) process.stderr.write("\r\x1b[K");
      shown = 0;
    },
  };
}
