import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, open, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type ExportedLesson, exportLessons, readFile } from "../content-transfers/content-transfers.ts";
import type { Deps } from "../deps.ts";
import { type TarEntry, tarOf } from "../tar.ts";
import { type Call, type Command, DATA_DIR, EXIT, Exit } from "./command.ts";
import { lineOf, markdownOf } from "./lesson-file.ts";
import { openAll, organizationNamed } from "./open.ts";
import { quietLogOf, readSettingsOf } from "./settings.ts";

const FORMATS = ["ndjson", "markdown"] as const;
type Format = (typeof FORMATS)[number];

export const exportCommand: Command = {
  name: "export",
  summary: "write the lessons of an organization into a folder, an archive or a file",
  usage: "--organization SLUG --output PATH|- [--format ndjson|markdown]",
  details: [
    "A PATH that ends with .tar is an archive, one that ends with .ndjson a file of lines without the attachments, any",
    "other a new folder; - is standard output: lines, or for Markdown an archive. It holds each lesson's text, status and",
    "attachments, and what readers see beside a draft, but no versions, reviews, comments or ratings. The same lessons make",
    "the same bytes. `satchel import` takes it back, into this organization or another.",
  ].join("\n"),
  options: {
    ...DATA_DIR,
    organization: { type: "string", value: "SLUG", meaning: "the organization whose lessons are written" },
    output: { type: "string", value: "PATH", meaning: "where to; it must not be there yet" },
    format: {
      type: "string",
      value: "FORMAT",
      meaning: "ndjson: a line a lesson; markdown: a file a lesson (ndjson)",
    },
  },
  positionals: { min: 0, max: 0 },
  run: async (call) => {
    const { organization: slug, output, format = "ndjson" } = call.options;
    if (typeof slug !== "string") throw new Exit(EXIT.usage, "--organization is missing");
    if (typeof output !== "string" || output === "") throw new Exit(EXIT.usage, "--output is missing");
    if (!isFormat(format)) throw new Exit(EXIT.usage, `--format is one of ${FORMATS.join(", ")}`);
    const target = targetOf(output, format);
    if (target.path !== null && (await isThere(target.path))) {
      throw new Exit(
        EXIT.failed,
        `${target.path} is there already`,
        "Name another path, or remove it first.",
      );
    }
    const config = readSettingsOf(call);
    const opened = await openAll(config, quietLogOf(config), false);
    try {
      const { organizationId } = await organizationNamed(opened.deps, slug);
      await write(call, opened.deps, organizationId, format, target);
      return EXIT.ok;
    } finally {
      await opened.close();
    }
  },
};

const isFormat = (word: unknown): word is Format => FORMATS.some((format) => format === word);

type Target = { readonly kind: "folder" | "tar" | "lines"; readonly path: string | null };

function targetOf(output: string, format: Format): Target {
  if (output === "-") return { kind: format === "markdown" ? "tar" : "lines", path: null };
  if (output.endsWith(".tar")) return { kind: "tar", path: output };
  if (!output.endsWith(".ndjson")) return { kind: "folder", path: output };
  if (format === "ndjson") return { kind: "lines", path: output };
  throw new Exit(
    EXIT.usage,
    "a file of lines is no Markdown",
    "Name a folder, or an archive that ends with .tar.",
  );
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

interface Counts {
  lessons: number;
  files: number;
}

/** Writes to a name beside, which becomes the target's once all of it is there. */
async function write(
  call: Call,
  deps: Deps,
  organizationId: string,
  format: Format,
  { kind, path }: Target,
): Promise<void> {
  const counts: Counts = { lessons: 0, files: 0 };
  const partial = path === null ? null : join(dirname(resolve(path)), `.${Bun.randomUUIDv7()}.partial`);
  try {
    if (kind === "lines") {
      if (partial === null) await toStandardOutput(linesOf(deps, organizationId, counts, null));
      else await toFile(partial, linesOf(deps, organizationId, counts, null));
    } else {
      const entries =
        format === "ndjson"
          ? lineEntries(deps, organizationId, counts)
          : markdownEntries(deps, organizationId, counts);
      if (partial === null) await toStandardOutput(tarOf(entries));
      else if (kind === "tar") await toFile(partial, tarOf(entries));
      else await toFolder(partial, entries);
    }
    if (partial !== null && path !== null) await rename(partial, path);
  } catch (error) {
    if (partial !== null) await rm(partial, { recursive: true, force: true });
    throw error;
  }
  const said = `Exported ${counts.lessons} lessons and ${counts.files} files`;
  if (path === null) call.say(said);
  else call.out(said);
}

type Found = Map<string, ExportedLesson["attachments"][number]>;

/** The lines of all lessons; what hangs on them is remembered in `files`, or left out. */
async function* linesOf(
  deps: Deps,
  organizationId: string,
  counts: Counts,
  files: Found | null,
): AsyncGenerator<Uint8Array> {
  for await (const batch of exportLessons(deps, organizationId)) {
    for (const { lesson, attachments } of batch) {
      counts.lessons += 1;
      for (const attachment of attachments) files?.set(attachment.sha256, attachment);
      yield Buffer.from(lineOf(lesson, files === null ? null : attachments));
    }
  }
}

async function* lineEntries(deps: Deps, organizationId: string, counts: Counts): AsyncGenerator<TarEntry> {
  const files: Found = new Map();
  // An archive says how long a file is before the file itself: until then it lies on the disk.
  const folder = await mkdtemp(join(tmpdir(), "satchel-export-"));
  try {
    const path = join(folder, "lessons.ndjson");
    await toFile(path, linesOf(deps, organizationId, counts, files));
    yield { name: "lessons.ndjson", size: (await stat(path)).size, bytes: createReadStream(path) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  yield* fileEntries(deps, organizationId, counts, files);
}

async function* markdownEntries(
  deps: Deps,
  organizationId: string,
  counts: Counts,
): AsyncGenerator<TarEntry> {
  const files: Found = new Map();
  for await (const batch of exportLessons(deps, organizationId)) {
    for (const { lesson, attachments } of batch) {
      counts.lessons += 1;
      for (const attachment of attachments) files.set(attachment.sha256, attachment);
      for (const { name, text } of markdownOf(lesson, attachments)) {
        const bytes = Buffer.from(text);
        yield { name, size: bytes.byteLength, bytes: once(bytes) };
      }
    }
  }
  yield* fileEntries(deps, organizationId, counts, files);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Each file once, however many lessons it hangs on. */
async function* fileEntries(
  deps: Deps,
  organizationId: string,
  counts: Counts,
  files: Found,
): AsyncGenerator<TarEntry> {
  const sorted = [...files.values()].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
  for (const attachment of sorted) {
    counts.files += 1;
    const { sha256, size } = attachment;
    yield { name: `files/${sha256}`, size, bytes: await readFile(deps, organizationId, attachment) };
  }
}

async function toFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of chunks) await file.writeFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function toFolder(folder: string, entries: AsyncIterable<TarEntry>): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  for await (const { name, bytes } of entries) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await toFile(path, bytes);
  }
}

/** Waits for whoever reads it. */
async function toStandardOutput(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const writer = Bun.stdout.writer();
  for await (const chunk of chunks) {
    writer.write(chunk);
    await writer.flush();
  }
  await writer.end();
}
