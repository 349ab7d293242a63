import { createHash } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { type ImportedContent, importContents, importSlug, type JsonObject } from "../contents/contents.ts";
import type { Deps } from "../deps.ts";
import { Refusal } from "../errors.ts";
import { parseJson } from "../json.ts";
import { LANGUAGE_PATTERN, languageCode } from "../languages.ts";
import { type Call, type Command, DATA_DIR, EXIT, Exit } from "./command.ts";
import { linesOf } from "./lines.ts";
import { openAll, organizationNamed } from "./open.ts";
import { quietLogOf, readSettingsOf } from "./settings.ts";

/** Lessons and bytes in one statement. */
const BATCH = 100;
const BATCH_BYTES = 2 * 1024 * 1024;
const LINE_BYTES = 8 * 1024 * 1024;
const BODY_BYTES = 4 * 1024 * 1024;
/** How long a database that is away is waited for: as long as one takes to start again. */
const PATIENCE_MS = 30_000;

export const importCommand: Command = {
  name: "import",
  summary: "import lessons from a file of one JSON object a line",
  usage: "FILE --organization SLUG [--publish] [--dry-run]",
  details: [
    "FILE may be - for standard input. Each line holds source_id and title, and may hold summary, body, language and",
    "tags; all other fields are kept as metadata. A lesson is known by its source_id: importing the same file again",
    "changes nothing, and a changed record becomes a new version. A line that is refused is told with its number, the",
    "rest goes on; then the exit code is 1.",
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
    const source = await openFile(call.positionals[0] ?? "-");
    const config = readSettingsOf(call);
    const opened = await openAll(config, quietLogOf(config), false);
    try {
      const { organizationId } = await organizationNamed(
        opened.deps,
        slug,
        "POST /v1/organizations creates one.",
      );
      const options = { publish: call.options.publish === true, dryRun: call.options["dry-run"] === true };
      const refused = await importFile(call, opened.deps, organizationId, source, options);
      return refused === 0 ? EXIT.ok : EXIT.failed;
    } finally {
      await opened.close();
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

/** Imports a stream; gives the number of refused lines. */
async function importFile(
  call: Call,
  deps: Deps,
  organizationId: string,
  source: Source,
  options: { readonly publish: boolean; readonly dryRun: boolean },
): Promise<number> {
  const started = performance.now();
  const counts = { added: 0, changed: 0, unchanged: 0, refused: 0 };
  const progress = openProgress(source.bytes);
  const actor = { organizationId, userId: null };
  let batch: { readonly number: number; readonly record: ImportedContent }[] = [];
  let batchBytes = 0;
  const ids = new Set<string>();
  const rehearsed = new Map<string, string>();
  let storedUpTo = 0;

  const refuse = (number: number, problem: string) => {
    counts.refused += 1;
    progress.clear();
    call.say(`line ${number}: ${problem}`);
  };
  const store = async (items: typeof batch): Promise<void> => {
    try {
      const records = items.map(({ record }) => record);
      const result = await patiently(() => importContents(deps, actor, records, options));
      counts.added += result.added;
      counts.changed += result.changed;
      counts.unchanged += result.unchanged;
    } catch (error) {
      if (!(error instanceof Refusal) || error.kind === "unavailable") throw error;
      const [only] = items;
      if (items.length === 1 && only !== undefined) return refuse(only.number, error.title);
      // One of them is in the way of all: each for itself tells which.
      for (const item of items) await store([item]);
    }
  };
  const flush = async () => {
    const items = batch;
    batch = [];
    batchBytes = 0;
    ids.clear();
    if (items.length > 0) await store(items);
    storedUpTo = items.at(-1)?.number ?? storedUpTo;
  };
  /** Nothing of a rehearsal is stored, so that a lesson that comes twice has to be remembered here. */
  const rehearsedBefore = (record: ImportedContent): boolean => {
    if (!options.dryRun) return false;
    const [id, content] = [fingerprint(record.sourceId), fingerprint(JSON.stringify(record))];
    const before = rehearsed.get(id);
    rehearsed.set(id, content);
    if (before === undefined) return false;
    if (before === content) counts.unchanged += 1;
    else counts.changed += 1;
    return true;
  };

  try {
    for await (const { number, text, problem, bytes } of linesOf(source.stream, LINE_BYTES)) {
      progress.show(counts, bytes);
      if (text !== null && text.trim() === "") continue;
      const read = text === null ? { problem: problem ?? "cannot be read" } : readRecord(text);
      if ("problem" in read) {
        refuse(number, read.problem);
        continue;
      }
      const { record } = read;
      // The same lesson twice in one statement would be two answers to one question: the later line comes later.
      if (ids.has(record.sourceId)) await flush();
      if (rehearsedBefore(record)) continue;
      ids.add(record.sourceId);
      batch.push({ number, record });
      batchBytes += bytes;
      if (batch.length >= BATCH || batchBytes >= BATCH_BYTES) await flush();
    }
    await flush();
  } catch (error) {
    progress.clear();
    call.say(
      options.dryRun
        ? "The check ended early."
        : `Ended early: the lessons up to line ${storedUpTo} are stored. Import the file again to store the rest.`,
    );
    throw error;
  }
  progress.clear();

  const { added, changed, unchanged, refused } = counts;
  const total = added + changed + unchanged;
  const seconds = (performance.now() - started) / 1000;
  const rate = Math.round(total / Math.max(seconds, 0.001));
  call.out(
    `${options.dryRun ? "Would import" : "Imported"} ${total} lessons: ${added} added, ${changed} changed, ${unchanged} unchanged, ${refused} refused (${seconds.toFixed(1)} s, ${rate} lessons/s)`,
  );
  return refused;
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

const shape = TypeCompiler.Compile(
  Type.Object({
    source_id: Type.String({ minLength: 1, maxLength: 200 }),
    title: Type.String({ minLength: 1, maxLength: 300, pattern: "\\S" }),
    summary: Type.Optional(Type.Union([Type.String({ maxLength: 5000 }), Type.Null()])),
    body: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    language: Type.Optional(Type.String({ pattern: LANGUAGE_PATTERN })),
    tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 100 })),
  }),
);

/** Reads one line of an import, or says what is wrong with it. */
export function readRecord(
  text: string,
): { readonly record: ImportedContent } | { readonly problem: string } {
  let value: unknown;
  try {
    value = parseJson(Buffer.from(text));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { detail, errors: [first] = [] } = error.details;
    if (first !== undefined) return { problem: `${first.pointer.slice(2) || "a name"} ${first.detail}` };
    return { problem: detail === undefined ? "is not JSON" : `is not acceptable JSON: ${detail}` };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { problem: "is not a JSON object" };
  if (!shape.Check(value)) {
    const error = shape.Errors(value).First();
    const field = error?.path.slice(1) ?? "";
    return {
      problem: field === "" ? "does not have the right fields" : `${field} is missing or not as it must be`,
    };
  }
  const { source_id: sourceId, title, summary, body, language, tags, ...metadata } = value;
  if (Buffer.byteLength(body ?? "") > BODY_BYTES)
    return { problem: `body is longer than ${BODY_BYTES} bytes` };
  return {
    record: {
      sourceId,
      title,
      slug: importSlug(title, sourceId),
      description: summary ?? "",
      body: body ?? "",
      language: languageCode(language ?? "en"),
      tags: tags ?? [],
      metadata: metadata as JsonObject,
    },
  };
}

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
