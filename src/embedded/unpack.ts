/** Unpacks the PostgreSQL that comes inside the executable. */

import { chmodSync, readdirSync, renameSync, rmSync, statfsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Log } from "../log.ts";
import { type ArchiveHeader, readArchiveHeader } from "./archive.ts";
import { EmbeddedError } from "./error.ts";
import archive from "./postgres.tar.zst" with { type: "file" };

export interface Programs {
  readonly initdb: string;
  readonly postgres: string;
  /** PostgreSQL's version, such as `18.4`. */
  readonly version: string;
}

/** The version of PostgreSQL inside this executable, such as `18.4`. */
export async function embeddedVersion(): Promise<string> {
  return (await readArchiveHeader(Bun.file(archive))).header.version;
}

/**
 * Makes the programs available in a folder below `parent` and answers where. A folder that is there already is used
 * when no file is missing or of the wrong size: unpacking is not flushed to disk, so a power cut may leave a folder
 * with empty files. Unless other data directories share `parent`, what other versions and broken attempts left
 * there is removed.
 */
export async function unpack(parent: string, shared: boolean, log: Log): Promise<Programs> {
  const file = Bun.file(archive);
  const { header, start } = await readArchiveHeader(file);
  const host = `${process.platform}-${process.arch}`;
  if (header.platform !== host) {
    throw new EmbeddedError(
      `This executable holds PostgreSQL for ${header.platform}, and this machine is ${host}.`,
      "Use the executable made for this machine, or set DATABASE_URL to a PostgreSQL server.",
    );
  }
  const name = `postgresql-${header.version}-${header.id}`;
  const folder = join(parent, name);
  if (!isComplete(folder, header)) {
    const began = performance.now();
    requireSpace(parent, 100);
    const partial = `${folder}.${process.pid}.part`;
    rmSync(partial, { recursive: true, force: true });
    await extract(file.slice(start), partial);
    // Its 75 MB would otherwise stay with the process for good. Free for the taking one turn later, while initdb runs.
    setTimeout(() => Bun.gc(true), 1);
    setModes(partial, header);
    if (!isComplete(partial, header)) throw new Error(`${partial} is not complete after unpacking`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
    log.info("embedded_unpacked", {
      version: header.version,
      path: folder,
      milliseconds: Math.round(performance.now() - began),
    });
  }
  for (const entry of shared ? [] : readdirSync(parent)) {
    if (/^postgresql-[\d.]+-[0-9a-f]{32}(\.\d+\.part)?$/.test(entry) && entry !== name) {
      rmSync(join(parent, entry), { recursive: true, force: true });
    }
  }
  return {
    initdb: join(folder, "bin/initdb"),
    postgres: join(folder, "bin/postgres"),
    version: header.version,
  };
}

/** Throws an `EmbeddedError` when the disk of a folder has less than so many megabytes free. */
export function requireSpace(folder: string, megabytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const free = Math.floor((bavail * bsize) / 1e6);
  if (free >= megabytes) return;
  throw new EmbeddedError(
    `The disk of ${folder} has ${free} MB free; PostgreSQL needs ${megabytes} MB.`,
    "Free some, or name another --data-dir.",
  );
}

async function extract(zstd: Blob, folder: string): Promise<void> {
  const tar = await Bun.zstdDecompress(await zstd.bytes());
  await new Bun.Archive(tar).extract(folder);
}

function isComplete(folder: string, { files }: ArchiveHeader): boolean {
  return files.every(([path, size, mode]) => {
    const found = statSync(join(folder, path), { throwIfNoEntry: false });
    return found?.size === size && (found.mode & 0o777) === mode;
  });
}

/** Extracting obeys the umask; but another user than the one who unpacks may have to run these. */
function setModes(folder: string, { files }: ArchiveHeader): void {
  const folders = new Set([folder]);
  for (const [path, , mode] of files) {
    chmodSync(join(folder, path), mode);
    for (let above = dirname(path); above !== "."; above = dirname(above)) folders.add(join(folder, above));
  }
  for (const path of folders) chmodSync(path, 0o755);
}
