/** Starts PostgreSQL's programs as the user they are to run as. */

import { closeSync, constants, openSync } from "node:fs";
import type { Account } from "./account.ts";

/** A folder with a database cluster (PGDATA), and the user it belongs to. */
export interface Cluster {
  readonly path: string;
  readonly account: Account;
  /** Whether that user may pass through every folder above. */
  readonly reachable: boolean;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * How the programs are to name the cluster's folder. Where the user may not pass through the folders above (root's
 * home, say), the folder is handed over open, as file 3, which leads into it without passing through any other.
 */
export const nameOf = ({ path, reachable }: Cluster): string => (reachable ? path : "/proc/self/fd/3");

/** util-linux's setpriv, when it is installed and can tell a child of its parent's end. */
let setpriv: string | null | undefined;
function findSetpriv(): string | null {
  const found = Bun.which("setpriv", { PATH });
  return found && Bun.spawnSync([found, "--pdeathsig=INT", "true"], { env: { PATH } }).success ? found : null;
}

export interface SpawnOptions {
  readonly input?: Blob;
  /** An open file for what the program prints. */
  readonly output: number;
}

/**
 * Runs a program for a cluster, as the cluster's user, with nothing of this process's environment, in a session of
 * its own so that Ctrl-C in a terminal does not reach it. Told of this process's end by SIGINT, however that comes.
 */
export function spawnFor(
  cluster: Cluster,
  command: string[],
  { input, output }: SpawnOptions,
): Bun.Subprocess {
  const { uid, gid, other } = cluster.account;
  setpriv ??= findSetpriv();
  const privileges = setpriv
    ? [setpriv, ...(other ? [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"] : []), "--pdeathsig=INT"]
    : [];
  const folder = cluster.reachable
    ? null
    : openSync(cluster.path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const child = Bun.spawn([...privileges, ...command], {
      cwd: "/",
      env: { PATH, LC_ALL: "C", TZ: "UTC" },
      stdio: [input ?? "ignore", output, output, ...(folder === null ? [] : [folder])],
      detached: true,
      ...(other && !setpriv ? { uid, gid } : {}),
    });
    if (!setpriv) watch(child);
    return child;
  } finally {
    if (folder !== null) closeSync(folder);
  }
}

/** What setpriv does elsewhere: a shell that waits for this process's end of a pipe to close, then stops the child. */
function watch(child: Bun.Subprocess): void {
  const watcher = Bun.spawn(["/bin/sh", "-c", `read -r _; kill -INT ${child.pid}`], {
    cwd: "/",
    env: { PATH },
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  child.exited.then(() => watcher.kill("SIGKILL"));
}
