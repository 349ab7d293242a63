/** One run of the server: start it, wait until it answers, stop it; and deal with what an earlier run left behind. */

import { closeSync, openSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../log.ts";
import { logFiles } from "./cluster.ts";
import { EmbeddedError } from "./error.ts";
import { type Cluster, nameOf, spawnFor } from "./spawn.ts";
import type { Programs } from "./unpack.ts";

export type Postmaster = Bun.Subprocess;

/** How long to wait for what the last run left to go away, in milliseconds. */
const LEFTOVERS = 10_000;

/** Starts the server. It does not answer yet. What it prints before it has its own log goes to `<cluster>.log`. */
export function spawnPostmaster(cluster: Cluster, programs: Programs, socketFolder: string): Postmaster {
  const output = openSync(`${cluster.path}.log`, "w", 0o600);
  try {
    return spawnFor(
      cluster,
      [
        ...[programs.postgres, "-D", nameOf(cluster), "-p", "5432", "-c", "listen_addresses="],
        ...["-c", `unix_socket_directories=${quoteItem(socketFolder)}`, "-c", "unix_socket_permissions=0700"],
      ],
      { output },
    );
  } finally {
    closeSync(output);
  }
}

/** A folder as an item of a list of settings, where a comma or a space would end it. */
const quoteItem = (folder: string) => `"${folder.replaceAll('"', '""')}"`;

/**
 * Resolves when the server accepts connections, however long it takes to recover from a crash; it says so in its
 * log every ten seconds. Throws an `EmbeddedError` when it ends instead.
 */
export async function untilReady(cluster: Cluster, postmaster: Postmaster, log: Log): Promise<void> {
  const began = performance.now();
  let told = began;
  while (postmaster.exitCode === null && postmaster.signalCode === null) {
    const status = readPidFile(cluster);
    // The file of a server that was killed says "ready", too.
    if (status?.pid === postmaster.pid && status.ready) return;
    if (performance.now() - told > 10_000) {
      told = performance.now();
      log.warn("embedded_recovering", { pid: postmaster.pid, milliseconds: Math.round(told - began) });
    }
    await Bun.sleep(5);
  }
  throw new EmbeddedError(
    `PostgreSQL ended (${postmaster.signalCode ?? postmaster.exitCode}) before it was ready: ${lastWords(cluster)}`,
    `Read ${join(cluster.path, "log")}; when the disk is full, free some of it; then start again.`,
  );
}

/** Starts the server and waits until it answers, trying again while processes of its last run are still ending. */
export async function launch(cluster: Cluster, start: () => Postmaster, log: Log): Promise<Postmaster> {
  const deadline = performance.now() + LEFTOVERS;
  for (;;) {
    const postmaster = start();
    try {
      await untilReady(cluster, postmaster, log);
      return postmaster;
    } catch (error) {
      const words = error instanceof Error ? error.message : "";
      const leftover = /pre-existing shared memory block|lock file ".*" already exists/.test(words);
      if (!leftover || performance.now() > deadline) throw error;
      await Bun.sleep(100);
    }
  }
}

/** Stops the server: open transactions are rolled back. If that hangs it is stopped as if the power had failed. */
export async function stopPostmaster(postmaster: Postmaster, log: Log): Promise<void> {
  const steps = [
    ["SIGINT", 60_000],
    ["SIGQUIT", 10_000],
    ["SIGKILL", 10_000],
  ] as const;
  for (const [signal, patience] of steps) {
    if (signal !== "SIGINT") log.warn("embedded_stop_slow", { pid: postmaster.pid, signal });
    postmaster.kill(signal);
    if (await within(postmaster.exited, patience)) return;
  }
}

/** Whether the promise settles within so many milliseconds. Leaves no timer behind, which would hold up the exit. */
export function within(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const { promise: answer, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), milliseconds);
  promise.then(
    () => resolve(true),
    () => resolve(true),
  );
  return answer.finally(() => clearTimeout(timer));
}

/**
 * Deals with the server that a Satchel left when it was killed. One that still runs is stopped. A pid file that names
 * some other process, or a dead one that nobody has waited for, is removed, because PostgreSQL would take it for a
 * running server and refuse to start. Call it only while holding the lock of the data directory.
 */
export async function stopLeftover(cluster: Cluster, log: Log): Promise<void> {
  const pid = readPidFile(cluster)?.pid;
  if (pid === undefined || !exists(pid)) return;
  if (!isPostmasterOf(cluster, pid)) {
    rmSync(join(cluster.path, "postmaster.pid"), { force: true });
    log.warn("embedded_stale_pid_file", { pid, path: cluster.path });
    return;
  }
  log.warn("embedded_leftover_stopping", { pid, path: cluster.path });
  for (const [signal, patience] of [
    ["SIGINT", 30_000],
    ["SIGQUIT", 10_000],
  ] as const) {
    signalTo(pid, signal);
    const deadline = performance.now() + patience;
    while (performance.now() < deadline) {
      if (!isPostmasterOf(cluster, pid)) return stopLeftover(cluster, log);
      await Bun.sleep(20);
    }
  }
  throw new EmbeddedError(
    `A PostgreSQL server (process ${pid}) still runs on ${cluster.path} and does not stop.`,
    `Stop process ${pid}, then start again.`,
    75,
  );
}

function readPidFile(cluster: Cluster): { pid: number; ready: boolean } | undefined {
  try {
    const lines = readFileSync(join(cluster.path, "postmaster.pid"), "utf8").split("\n");
    return { pid: Number(lines[0]), ready: lines[7]?.trim() === "ready" };
  } catch {
    return undefined;
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

/** A live process whose current folder is the cluster's (Linux), or whose command line names it. */
function isPostmasterOf(cluster: Cluster, pid: number): boolean {
  if (process.platform !== "linux") {
    const { stdout } = Bun.spawnSync(["/bin/ps", "-o", "stat=,command=", "-p", String(pid)]);
    const line = stdout.toString();
    return !line.startsWith("Z") && line.includes("/bin/postgres") && line.includes(cluster.path);
  }
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(cluster.path);
  } catch {
    return false;
  }
}

/** The end of what the server said before it ended. */
function lastWords(cluster: Cluster): string {
  const newest = logFiles(cluster).at(-1);
  const files = [`${cluster.path}.log`, ...(newest ? [join(cluster.path, "log", newest)] : [])];
  return files
    .map((file) => readFileSync(file, "utf8").trim().slice(-1000))
    .filter((text) => text !== "")
    .join("\n");
}
