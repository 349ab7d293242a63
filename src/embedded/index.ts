/**
 * The PostgreSQL that comes inside the executable. Data directory:
 *
 *     lock                     held by the Satchel that runs, see lock.ts
 *     postgresql-<version>-…/  the programs
 *     postgres/                the cluster (PGDATA); postgresql.conf in it may be edited
 *     postgres.log             what the server said before it opened its own log in postgres/log
 *     run/                     the socket
 */

import { createHash } from "node:crypto";
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Log } from "../log.ts";
import { type Account, canReach, chooseAccount } from "./account.ts";
import {
  checkVersion,
  createCluster,
  DATABASE,
  LOGIN_ROLES,
  prepareCluster,
  pruneLogs,
  removeUnfinished,
} from "./cluster.ts";
import { EmbeddedError, errnoOf } from "./error.ts";
import { findHolder, takeLock } from "./lock.ts";
import {
  launch,
  type Postmaster,
  spawnPostmaster,
  stopLeftover,
  stopPostmaster,
  within,
} from "./postmaster.ts";
import type { Cluster } from "./spawn.ts";
import { embeddedVersion, unpack } from "./unpack.ts";

export { EmbeddedError } from "./error.ts";

export interface EmbeddedUrls {
  /** Connects as the cluster's superuser `postgres`, to database `satchel`. */
  readonly ownerUrl: string;
  /** Connects as `satchel_request`, which `migrate` creates. */
  readonly requestUrl: string;
}

export interface EmbeddedPostgres extends EmbeddedUrls {
  /** PostgreSQL's version, such as `18.4`. */
  readonly version: string;
  /** The server's process id. Another one after the server has died and was started again. */
  readonly pid: number;
  /** Stops the server, then gives the data directory free. Rolls open transactions back. May be called twice. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** Created when missing. */
  readonly dataDir: string;
  readonly log: Log;
}

/** The longest path that a socket can have: 107 bytes on Linux, 103 on macOS. */
const SOCKET_PATH = 103;
const SOCKET = ".s.PGSQL.5432";

const LOG_FILES = 8;
const HOUR = 3_600_000;

/**
 * Starts PostgreSQL on a data directory, which it makes ready first: takes its lock, unpacks the programs, creates
 * the cluster. Resolves when connections are accepted. When the server dies it is started again, under the same
 * URLs. Throws an `EmbeddedError` when another Satchel runs there, when the data are of another major version of
 * PostgreSQL, or when this machine or user cannot run it.
 */
export async function startEmbedded({ dataDir, log }: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const root = openDataDir(dataDir);
  const lock = await takeLock(root);
  try {
    const path = join(root, "postgres");
    const account = chooseAccount(path);
    checkVersion(root, path, await embeddedVersion());
    const cluster: Cluster = { path, account, reachable: isReachable(account, root) };
    await stopLeftover(cluster, log);
    removeUnfinished(cluster);
    const programs = cluster.reachable
      ? await unpack(root, false, log)
      : await unpack(sharedProgramFolder(), true, log);
    if (!existsSync(path)) await createCluster(cluster, programs, log);
    prepareCluster(cluster);
    pruneLogs(cluster, LOG_FILES);
    const socketFolder = makeSocketFolder(root, cluster);
    const spawn = () => {
      if (!lock.isHeld()) throw new Error(`The data directory ${root} was deleted`);
      return spawnPostmaster(cluster, programs, socketFolder);
    };
    const server = await supervise(cluster, spawn, log);
    const pruning = setInterval(() => pruneLogs(cluster, LOG_FILES), HOUR);
    pruning.unref();
    lock.announce({ pid: process.pid, socketFolder });
    const stop = async () => {
      clearInterval(pruning);
      await server.stop();
      if (dirname(socketFolder) !== root) rmSync(socketFolder, { recursive: true, force: true });
      lock.release();
    };
    let stopped: Promise<void> | undefined;
    return {
      ...urls(socketFolder),
      version: programs.version,
      get pid() {
        return server.pid;
      },
      stop() {
        stopped ??= stop();
        return stopped;
      },
    };
  } catch (error) {
    lock.release();
    throw withCure(error, root);
  }
}

/** What the operating system refuses while the data directory is made ready, with what can be done about it. */
function withCure(error: unknown, root: string): unknown {
  const code = errnoOf(error);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new EmbeddedError(
      `The disk of ${root} is full.`,
      "Free 200 MB there, or name another --data-dir.",
    );
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return new EmbeddedError(
      `The data directory ${root} cannot be written to (${code}).`,
      "Give it to the user who runs Satchel, or name another --data-dir.",
    );
  }
  return error;
}

/**
 * How to connect to the PostgreSQL of the Satchel that runs on the data directory, or null when none does. Waits
 * up to 30 seconds for one that is starting, then throws an `EmbeddedError`.
 */
export async function findRunning({ dataDir }: { dataDir: string }): Promise<EmbeddedUrls | null> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const holder = existsSync(dataDir) ? findHolder(realpathSync(dataDir)) : null;
    if (holder === null) return null;
    if (holder.socketFolder !== null) return urls(holder.socketFolder);
    if (performance.now() > deadline) {
      throw new EmbeddedError(
        `The Satchel that runs on ${dataDir} (process ${holder.pid}) is not ready yet.`,
        "Wait until it answers, then try again.",
        75,
      );
    }
    await Bun.sleep(50);
  }
}

function urls(socketFolder: string): EmbeddedUrls {
  const url = (role: string) => `postgres://${role}@/${DATABASE}?host=${encodeURIComponent(socketFolder)}`;
  return { ownerUrl: url(LOGIN_ROLES.owner), requestUrl: url(LOGIN_ROLES.request) };
}

/** Keeps a server running: after it dies, again at once, then at growing intervals. */
async function supervise(cluster: Cluster, spawn: () => Postmaster, log: Log) {
  const stopping = Promise.withResolvers<void>();
  let stopped = false;
  let current: Postmaster | undefined;
  const start = () => {
    if (stopped) throw new Error("The server is being stopped");
    current = spawn();
    return current;
  };
  const began = performance.now();
  let server = await launch(cluster, start, log);
  log.info("embedded_ready", { pid: server.pid, milliseconds: Math.round(performance.now() - began) });

  const run = async () => {
    let pause = 0;
    while (!stopped) {
      const since = performance.now();
      await server.exited;
      if (stopped) return;
      log.error("embedded_died", {
        pid: server.pid,
        signal: String(server.signalCode ?? server.exitCode),
      });
      if (performance.now() - since > 60_000) pause = 0;
      for (let attempt = 1; !stopped; attempt++) {
        if (await within(stopping.promise, pause)) return;
        pause = Math.min(Math.max(pause * 2, 100), 10_000);
        try {
          server = await launch(cluster, start, log);
          log.warn("embedded_restarted", { pid: server.pid, attempt });
          break;
        } catch (error) {
          if (!stopped) log.error("embedded_restart_failed", { attempt, error });
        }
      }
    }
  };
  const running = run();
  return {
    get pid() {
      return server.pid;
    },
    async stop() {
      stopped = true;
      stopping.resolve();
      if (current) await stopPostmaster(current, log);
      await running;
    },
  };
}

function openDataDir(dataDir: string): string {
  const path = resolve(dataDir);
  // PostgreSQL's initdb hands its own path to a shell, in double quotes.
  if (/["$`\\\n\r]/.test(path)) {
    throw new EmbeddedError(
      `PostgreSQL cannot run from ${path}: its programs do not take ", $, \`, \\ or a line break in a path.`,
      "Name a folder without them, with --data-dir.",
    );
  }
  try {
    if (!existsSync(path)) {
      mkdirSync(path, { recursive: true });
      // Others may pass through, which PostgreSQL's user needs when this is root; not list.
      chmodSync(path, 0o711);
    }
    return realpathSync(path);
  } catch (error) {
    throw new EmbeddedError(
      `The data directory ${path} cannot be made (${errnoOf(error)}).`,
      "Name one in a folder that this user may write to, with --data-dir.",
    );
  }
}

function isReachable(account: Account, root: string): boolean {
  if (!account.other || canReach(account, root)) return true;
  if (process.platform === "linux") return false;
  throw new EmbeddedError(
    `PostgreSQL runs as user ${account.name ?? account.uid}, who may not pass through the folders above ${root}.`,
    "Run Satchel as an ordinary user, or name a --data-dir outside of private folders.",
  );
}

/** Programs cannot be handed over open as the cluster is: they look for their files by path. */
function sharedProgramFolder(): string {
  const path = "/var/cache/satchel";
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 });
    return path;
  } catch (error) {
    throw new EmbeddedError(
      `PostgreSQL's programs cannot be put into ${path} (${errnoOf(error)}), and its user cannot reach the data directory.`,
      "Name a --data-dir outside of private folders.",
    );
  }
}

/** A folder for the socket, for the server's user alone: below the data directory, or elsewhere if that is too long. */
function makeSocketFolder(root: string, { account, reachable }: Cluster): string {
  const near = join(root, "run");
  const fits = Buffer.byteLength(join(near, SOCKET)) <= SOCKET_PATH;
  const far = join(tmpdir(), `satchel-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`);
  const folder = fits && reachable ? near : far;
  const isNew = mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined;
  if (isNew && account.other) chownSync(folder, account.uid, account.gid);
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== account.uid || (found.mode & 0o077) !== 0) {
    throw new EmbeddedError(
      `${folder}, the place for PostgreSQL's socket, is not a private folder of its user.`,
      "Remove it, then start again.",
    );
  }
  for (const name of [SOCKET, `${SOCKET}.lock`]) rmSync(join(folder, name), { force: true });
  return folder;
}
