/**
 * One Satchel per data directory. The lock is flock(2) on `<data directory>/lock`: the kernel drops it with the
 * process that holds it, whichever way that ends, and keeps it across containers that share the volume, where
 * process ids mean nothing. The file's content is for those who find it locked.
 */

import { dlopen } from "bun:ffi";
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { EmbeddedError, errnoOf } from "./error.ts";

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** Opened when first needed: with a PostgreSQL server elsewhere the executable also runs where libc has another name. */
const openLibc = () =>
  dlopen(process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6", {
    flock: { args: ["i32", "i32"], returns: "i32" },
  }).symbols;
let libc: ReturnType<typeof openLibc> | undefined;

function tryLock(file: number, kind: typeof LOCK_SH | typeof LOCK_EX): boolean {
  libc ??= openLibc();
  return libc.flock(file, kind | LOCK_NB) === 0;
}

/** What the holder of the lock says about itself. */
export interface Holder {
  /** Null in the instant between taking the lock and saying so. */
  readonly pid: number | null;
  /** The folder of the socket on which its PostgreSQL listens, once it answers. */
  readonly socketFolder: string | null;
}

export interface Lock {
  announce(holder: Holder): void;
  /** False when the data directory was deleted, and perhaps made again by another Satchel. */
  isHeld(): boolean;
  release(): void;
}

const lockPath = (dataDir: string) => join(dataDir, "lock");

/**
 * Takes the data directory for this process. Tries for half a second, since one that is just ending, or a
 * `findHolder` elsewhere, may hold it for a moment; then throws an `EmbeddedError` that names the holder.
 */
export async function takeLock(dataDir: string): Promise<Lock> {
  const path = lockPath(dataDir);
  const file = open(path, "a+");
  const deadline = performance.now() + 500;
  while (!tryLock(file, LOCK_EX)) {
    if (performance.now() > deadline) {
      const holder = readHolder(file);
      closeSync(file);
      throw new EmbeddedError(
        holder.pid !== null
          ? `Another Satchel (process ${holder.pid}) is running on ${dataDir}.`
          : `${path} is locked by another process, or its file system knows no locks.`,
        "Stop it first, or name another data directory with --data-dir.",
        75,
      );
    }
    await Bun.sleep(20);
  }
  const announce = (holder: Holder) => {
    const line = JSON.stringify(holder);
    ftruncateSync(file);
    writeSync(file, line, 0);
    fsyncSync(file);
  };
  announce({ pid: process.pid, socketFolder: null });
  return {
    announce,
    isHeld() {
      const now = statSync(path, { throwIfNoEntry: false });
      const taken = fstatSync(file);
      return now?.ino === taken.ino && now.dev === taken.dev;
    },
    release() {
      ftruncateSync(file);
      closeSync(file);
    },
  };
}

/**
 * The Satchel that runs on the data directory, or null. Throws an `EmbeddedError` when the lock may not be read.
 */
export function findHolder(dataDir: string): Holder | null {
  const path = lockPath(dataDir);
  if (!existsSync(path)) return null;
  const file = open(path, "r");
  try {
    return tryLock(file, LOCK_SH) ? null : readHolder(file);
  } finally {
    closeSync(file);
  }
}

function open(path: string, flags: "a+" | "r"): number {
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    throw new EmbeddedError(
      `${path} cannot be opened (${errnoOf(error)}).`,
      "Run this as the user who owns the data directory, or as root.",
    );
  }
}

function readHolder(file: number): Holder {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { pid: null, socketFolder: null };
  }
}
