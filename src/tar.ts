/** Tar archives as streams: written the same to the byte for the same files, read without trusting them. */
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Header, extract as openExtract, pack as openPack } from "tar-stream";

export interface TarEntry {
  readonly name: string;
  readonly size: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** An archive that cannot be taken, said in a sentence without a full stop. */
export class TarProblem extends Error {
  override readonly name = "TarProblem";
}

interface FileBytes extends AsyncIterable<unknown> {
  resume(): unknown;
}

/** Files of one archive. */
const ENTRIES = 1_000_000;

/** An archive of files in the order in which they come, without times or owners. */
export async function* tarOf(entries: AsyncIterable<TarEntry>): AsyncGenerator<Uint8Array> {
  const pack = openPack();
  const fill = async () => {
    for await (const { name, size, bytes } of entries) {
      await new Promise<void>((resolve, reject) => {
        const header = { name, size, mode: 0o644, uid: 0, gid: 0, mtime: new Date(0), type: "file" as const };
        const entry = pack.entry(header, (error) => (error ? reject(error) : resolve()));
        Readable.from(bytes).on("error", reject).pipe(entry);
      });
    }
    pack.finalize();
  };
  const filled = fill().catch((error: unknown) => {
    pack.destroy(error instanceof Error ? error : new Error("an archive could not be written"));
    throw error;
  });
  try {
    yield* pack as AsyncIterable<Uint8Array>;
    await filled;
  } catch (error) {
    await filled;
    throw error;
  }
}

/**
 * Unpacks the files of an archive into a folder. Throws TarProblem for a name that `isWanted` does not want, which is all that
 * would lead out of the folder, for a link or anything else that is no file, and for what is no archive.
 */
export async function unpackTar(
  bytes: AsyncIterable<Uint8Array>,
  folder: string,
  isWanted: (name: string) => boolean,
): Promise<void> {
  const extract = openExtract();
  // It says so twice: the second time when nobody listens any more, and then to everybody.
  extract.on("error", () => {});
  const seen = new Set<string>();
  const take = async ({ name: written, type }: Header, bytesOf: FileBytes): Promise<void> => {
    const name = written.replace(/^(?:\.\/)+/, "").replace(/\/$/, "");
    if (type === "directory") {
      if (name !== "" && name !== "." && !isWanted(`${name}/`)) throw unwanted(written);
      bytesOf.resume();
      return;
    }
    if (type !== "file" && type !== "contiguous-file")
      throw new TarProblem(`holds a ${type}, and not only files`);
    if (!isWanted(name)) throw unwanted(written);
    if (seen.has(name)) throw new TarProblem(`holds ${JSON.stringify(name)} twice`);
    seen.add(name);
    if (seen.size > ENTRIES) throw new TarProblem(`holds more than ${ENTRIES} files`);
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await pipeline(
      bytesOf as AsyncIterable<Uint8Array>,
      createWriteStream(path, { flags: "wx", mode: 0o600 }),
    );
  };
  try {
    // An archive that is cut off ends the feeding, and not the file that was being taken: whichever ends first tells.
    await new Promise<void>((resolve, reject) => {
      let last = Promise.resolve();
      extract.on("entry", (header, bytesOf, next) => {
        bytesOf.on("error", () => {});
        last = take(header, bytesOf);
        last.then(
          () => next(),
          (error: unknown) => {
            reject(error);
            extract.destroy();
          },
        );
      });
      pipeline(bytes, extract).then(() => last.then(resolve, reject), reject);
    });
  } catch (error) {
    extract.destroy();
    if (error instanceof TarProblem) throw error;
    throw new TarProblem(`cannot be unpacked: ${error instanceof Error ? error.message : "it is broken"}`);
  }
}

const unwanted = (name: string) =>
  new TarProblem(`holds ${JSON.stringify(name.slice(0, 100))}, which is no file of an export`);
