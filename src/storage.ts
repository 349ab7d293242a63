/**
 * Where the bytes of files are kept: in a folder, or in an S3-compatible store. Nothing is ever whole in memory.
 *
 * Bytes that arrive go into a temporary file first, in either case: only at their end is it known what they are and what
 * their address is, and an object then appears at its address whole or not at all. Addresses are never used again.
 */
import { mkdir, open, opendir, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "./config.ts";
import { type Refusal, refusal } from "./errors.ts";

export const fileTooLarge = refusal("too_large", "file_too_large", "The file is too large");
export const storageUnavailable = refusal(
  "unavailable",
  "storage_unavailable",
  "The place where files are kept does not answer",
);

/** Where the bytes of a file are: those of one organization apart from all others. */
export interface Address {
  readonly organizationId: string;
  /** Of the bytes, in hexadecimal. */
  readonly sha256: string;
  readonly fileId: string;
}

/** Bytes in a temporary file of this node, on the disk for certain. */
export interface Received {
  readonly path: string;
  readonly size: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** Why files cannot be kept, and what to do about it. */
export interface StorageFinding {
  readonly finding: string;
  readonly cure: string;
}

export interface Storage {
  /**
   * Takes bytes into a temporary file, at most `limit` of them. Refuses with `file_too_large` and `storage_unavailable`; then,
   * and when the bytes end in an error, nothing is left of them.
   */
  receive(chunks: AsyncIterable<Uint8Array>, limit: number): Promise<Received>;
  /** Puts what was received where its address says. Refuses with `storage_unavailable`. */
  keep(received: Received, address: Address): Promise<void>;
  /** Removes the temporary file, if it is still there. */
  discard(received: Received): Promise<void>;
  /** Whether the bytes are there, so many of them. Refuses with `storage_unavailable`. */
  has(address: Address, size: number): Promise<boolean>;
  /** The bytes from `from` up to and without `to`. What goes wrong later on ends the stream with an error. */
  read(address: Address, from: number, to: number): ReadableStream<Uint8Array>;
  /** Every address of an organization at which there is something, in batches. Refuses with `storage_unavailable`. */
  list(organizationId: string): AsyncGenerator<readonly Address[]>;
  /** Does nothing where nothing is. Refuses with `storage_unavailable`. */
  remove(address: Address): Promise<void>;
  /** Removes temporary files of this node to which nothing was written for so long. How many there were. */
  removeLeftOvers(milliseconds: number): Promise<number>;
  /** Writes something and removes it again. Null: files can be kept. */
  check(): Promise<StorageFinding | null>;
}

type Settings = Pick<
  Config,
  "dataDir" | "filesDir" | "s3Bucket" | "s3Endpoint" | "s3Region" | "s3AccessKeyId" | "s3SecretAccessKey"
>;

/** What a store does with bytes that are whole. */
type Store = Pick<Storage, "keep" | "has" | "read" | "list" | "remove" | "check">;

const BATCH = 1000;
/** Bytes after which the disk is waited for: one flush of two gigabytes would hold up every other write of the machine. */
const FLUSH_BYTES = 4 * 1024 ** 2;
/** The least that S3 takes, since each part is in memory twice, unless there would be more of them than it takes. */
const PART_BYTES = 5 * 1024 ** 2;
const PARTS = 9000;
const CHUNK_BYTES = 256 * 1024;
/** A store that does nothing for so long is taken for gone, in milliseconds. */
const STALL_MS = 60_000;

/** Opens the store that is configured. Touches neither disk nor network. */
export function openStorage(settings: Settings): Storage {
  const folder = settings.filesDir ?? join(settings.dataDir, "files");
  const uploads = join(folder, "uploads");
  const store = settings.s3Bucket === null ? inFolder(folder) : inBucket(settings, settings.s3Bucket);
  return {
    ...store,
    receive: (chunks, limit) => receive(uploads, chunks, limit),
    discard: ({ path }) => removeFile(path),
    removeLeftOvers: (milliseconds) => removeOlder(uploads, Date.now() - milliseconds),
    check: async () => {
      try {
        await mkdir(uploads, { recursive: true, mode: 0o700 });
        const received = await receive(uploads, probe(), Number.MAX_SAFE_INTEGER);
        await removeFile(received.path);
      } catch (error) {
        return {
          finding: `files cannot be written to ${folder} (${codeOf(error)})`,
          cure: "Make the folder writable for this user, or name another one with SATCHEL_FILES.",
        };
      }
      return store.check();
    },
  };
}

/** Asks for the chunks behind us to be collected, which alone would happen only when there are many more of them. */
const forget = (): void => Bun.gc(false);

/** `<organization>/<hash>.<file>`: the same in a folder and in a bucket. */
const keyOf = ({ organizationId, sha256, fileId }: Address): string =>
  `${organizationId}/${sha256}.${fileId}`;

function addressOf(organizationId: string, name: string): Address | null {
  const [, sha256, fileId] = /^([0-9a-f]{64})\.([0-9a-f-]{36})$/.exec(name) ?? [];
  return sha256 === undefined || fileId === undefined ? null : { organizationId, sha256, fileId };
}

async function* probe(): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode("satchel");
}

// ---------------------------------------------------------------------- temporary files

async function receive(folder: string, chunks: AsyncIterable<Uint8Array>, limit: number): Promise<Received> {
  const path = join(folder, Bun.randomUUIDv7());
  const file = await onDisk(async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return open(path, "wx", 0o600);
  });
  const hash = new Bun.CryptoHasher("sha256");
  let size = 0;
  let unflushed = 0;
  try {
    for await (const chunk of chunks) {
      size += chunk.byteLength;
      if (size > limit) throw fileTooLarge({ detail: `At most ${limit} bytes are taken.` });
      hash.update(chunk);
      await onDisk(() => writeWhole(file, chunk));
      unflushed += chunk.byteLength;
      if (unflushed >= FLUSH_BYTES) {
        await onDisk(() => file.datasync());
        unflushed = 0;
        forget();
      }
    }
    await onDisk(() => file.sync());
    return { path, size, sha256: hash.digest("hex") };
  } catch (error) {
    await removeFile(path);
    throw error;
  } finally {
    await file.close();
  }
}

async function writeWhole(file: Awaited<ReturnType<typeof open>>, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength; ) at += (await file.write(chunk, at)).bytesWritten;
}

async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw unavailable(error);
  });
}

async function removeOlder(folder: string, before: number): Promise<number> {
  let count = 0;
  for await (const names of entriesOf(folder)) {
    for (const name of names) {
      const path = join(folder, name);
      const found = await stat(path).catch(() => null);
      if (found === null || found.mtimeMs >= before) continue;
      await removeFile(path);
      count++;
    }
  }
  return count;
}

/** The names in a folder, in batches; none when there is no such folder. */
async function* entriesOf(folder: string): AsyncGenerator<readonly string[]> {
  const entries = await opendir(folder).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return null;
    throw unavailable(error);
  });
  if (entries === null) return;
  let names: string[] = [];
  for await (const { name } of entries) {
    names.push(name);
    if (names.length < BATCH) continue;
    yield names;
    names = [];
  }
  if (names.length > 0) yield names;
}

// ---------------------------------------------------------------------- a folder

function inFolder(folder: string): Store {
  const pathOf = (address: Address) => join(folder, keyOf(address));
  return {
    keep: (received, address) =>
      onDisk(async () => {
        const own = join(folder, address.organizationId);
        // Whoever makes the folder first also sees to it that it stays.
        if ((await mkdir(own, { recursive: true, mode: 0o700 })) !== undefined) await flushFolder(folder);
        await rename(received.path, pathOf(address));
        await flushFolder(own);
      }),
    has: async (address, size) => {
      try {
        return (await stat(pathOf(address))).size === size;
      } catch (error) {
        if (codeOf(error) === "ENOENT") return false;
        throw unavailable(error);
      }
    },
    read: (address, from, to) => Bun.file(pathOf(address)).slice(from, to).stream(),
    list: async function* (organizationId) {
      for await (const names of entriesOf(join(folder, organizationId))) {
        yield names.flatMap((name) => addressOf(organizationId, name) ?? []);
      }
    },
    remove: (address) => removeFile(pathOf(address)),
    check: async () => null,
  };
}

/** A name is on the disk for certain only when its folder is. */
async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

// ---------------------------------------------------------------------- a bucket

function inBucket(settings: Settings, bucket: string): Store {
  const { s3Endpoint, s3Region, s3AccessKeyId, s3SecretAccessKey } = settings;
  const client = new Bun.S3Client({
    bucket,
    region: s3Region,
    ...(s3Endpoint === null ? {} : { endpoint: s3Endpoint }),
    ...(s3AccessKeyId === null ? {} : { accessKeyId: s3AccessKeyId }),
    ...(s3SecretAccessKey === null ? {} : { secretAccessKey: s3SecretAccessKey }),
  });
  return {
    keep: async ({ path, size }, address) => {
      const partSize = Math.max(PART_BYTES, Math.ceil(size / PARTS));
      const file = await onDisk(() => open(path, "r"));
      const writer = client
        .file(keyOf(address))
        .writer({ partSize, queueSize: 1, retry: 3, type: "application/octet-stream" });
      try {
        let unsent = 0;
        // One buffer for all of it: the writer keeps a copy.
        const buffer = new Uint8Array(CHUNK_BYTES);
        for (;;) {
          const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, null);
          if (bytesRead === 0) break;
          await inTime(Promise.resolve(writer.write(buffer.subarray(0, bytesRead))));
          unsent += bytesRead;
          // It waits for the store only when it is told to: else all of the file would queue up in it.
          if (unsent < partSize) continue;
          await inTime(Promise.resolve(writer.flush()));
          unsent = 0;
          forget();
        }
        await inTime(Promise.resolve(writer.end()));
      } catch (error) {
        // Has the store forget the parts that it has.
        await inTime(Promise.resolve(writer.end(new Error("given up")))).catch(() => {});
        throw unavailable(error);
      } finally {
        await file.close();
      }
      await removeFile(path);
    },
    has: async (address, size) => {
      try {
        return (await inTime(client.stat(keyOf(address)))).size === size;
      } catch (error) {
        if (isMissing(error)) return false;
        throw unavailable(error);
      }
    },
    read: (address, from, to) => client.file(keyOf(address)).slice(from, to).stream(),
    list: async function* (organizationId) {
      const prefix = `${organizationId}/`;
      let continuationToken: string | undefined;
      do {
        const asked = {
          prefix,
          maxKeys: BATCH,
          ...(continuationToken === undefined ? {} : { continuationToken }),
        };
        const page = await inTime(client.list(asked)).catch((error: unknown) => {
          throw unavailable(error);
        });
        yield (page.contents ?? []).flatMap(
          ({ key }) => addressOf(organizationId, key.slice(prefix.length)) ?? [],
        );
        continuationToken = page.isTruncated === true ? page.nextContinuationToken : undefined;
      } while (continuationToken !== undefined);
    },
    remove: async (address) => {
      await inTime(client.delete(keyOf(address))).catch((error: unknown) => {
        if (!isMissing(error)) throw unavailable(error);
      });
    },
    check: async () => {
      const key = `check/${Bun.randomUUIDv7()}`;
      try {
        await inTime(client.write(key, "satchel"), CHECK_MS);
        await inTime(client.delete(key), CHECK_MS);
        return null;
      } catch (error) {
        return {
          finding: `files cannot be written to the bucket ${bucket} (${codeOf(error)})`,
          cure: "Check SATCHEL_S3_ENDPOINT, SATCHEL_S3_BUCKET, SATCHEL_S3_REGION and the key: it must be let read, write, list and delete.",
        };
      }
    },
  };
}

const CHECK_MS = 5000;

const isMissing = (error: unknown): boolean => codeOf(error) === "NoSuchKey";

/** Rejects when the store does nothing for too long: neither Bun's client nor TCP would tell. */
async function inTime<T>(working: Promise<T>, milliseconds = STALL_MS): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(Object.assign(new Error("the store does not answer"), { code: "ETIMEDOUT" })),
    milliseconds,
  );
  try {
    return await Promise.race([working, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

// ---------------------------------------------------------------------- errors

async function onDisk<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw unavailable(error);
  }
}

/** With the reason, which goes into the log and to nobody else. */
const unavailable = (cause: unknown): Refusal => Object.assign(storageUnavailable(), { cause });

function codeOf(error: unknown): string {
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return reason instanceof Error && "code" in reason ? String(reason.code) : "unknown";
}
