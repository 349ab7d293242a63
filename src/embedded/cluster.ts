/** The database cluster in the data directory: made once, checked and given its rules of access at every start. */

import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fchownSync,
  fsyncSync,
  lchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Log } from "../log.ts";
import { userName } from "./account.ts";
import { EmbeddedError } from "./error.ts";
import { type Cluster, nameOf, spawnFor } from "./spawn.ts";
import { type Programs, requireSpace } from "./unpack.ts";

/** Who may log in over the socket; other roles are entered from these. */
export const LOGIN_ROLES = { owner: "postgres", request: "satchel_request" } as const;
export const DATABASE = "satchel";

/**
 * Refuses, with an `EmbeddedError`, a data directory whose cluster is of another major version than `version`, or
 * which is a bare cluster made by other means.
 */
export function checkVersion(dataDir: string, clusterDir: string, version: string): void {
  if (existsSync(join(dataDir, "PG_VERSION"))) {
    throw new EmbeddedError(
      `${dataDir} is itself a PostgreSQL data directory, which Satchel did not make.`,
      "Name another --data-dir, or start that server on its own and set DATABASE_URL.",
    );
  }
  if (!existsSync(clusterDir)) return;
  const file = join(clusterDir, "PG_VERSION");
  const found = existsSync(file) ? readFileSync(file, "utf8").trim() : null;
  if (found === version.split(".")[0]) return;
  throw new EmbeddedError(
    found === null
      ? `${clusterDir} holds no PostgreSQL data: its PG_VERSION is missing.`
      : `${clusterDir} was made by PostgreSQL ${found}; this Satchel brings PostgreSQL ${version}.`,
    found === null
      ? "Restore it from a backup, or name another --data-dir."
      : `Use the Satchel that made it. To move, dump it there with pg_dump ${found} and restore the dump here, ` +
          "in a new --data-dir.",
  );
}

/**
 * Makes the cluster with an empty database, beside its place, flushes it to disk and only then moves it there: a
 * cluster in its place is whole, whenever the machine stops. The programs run without flushing, because
 * everything is flushed at once in the end; the server itself never runs so.
 */
export async function createCluster(place: Cluster, programs: Programs, log: Log): Promise<void> {
  const began = performance.now();
  // 50 MB to begin with, and as much again for the first changes.
  requireSpace(dirname(place.path), 100);
  const cluster = { ...place, path: `${place.path}.${crypto.randomUUID()}.new` };
  mkdirSync(cluster.path, { mode: 0o700 });
  if (cluster.account.other) chownSync(cluster.path, cluster.account.uid, cluster.account.gid);
  const folder = nameOf(cluster);
  await run(cluster, [
    ...[programs.initdb, "-D", folder, "-U", LOGIN_ROLES.owner, "--auth=peer", "--encoding=UTF8"],
    ...["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-sync"],
  ]);
  const single = [programs.postgres, "--single", "-D", folder, "-c", "fsync=off", "template1"];
  await run(cluster, single, new Blob([`create database ${DATABASE} strategy file_copy\n`]));
  const config = join(cluster.path, "postgresql.conf");
  const generated = readFileSync(config, "utf8");
  writeOwned(cluster, "postgresql.conf", `${INCLUDE}\n${generated}`);
  const method = process.platform === "linux" ? ["--sync-method=syncfs"] : [];
  await run(cluster, [programs.initdb, "--sync-only", ...method, "-D", folder]);
  renameSync(cluster.path, place.path);
  flush(dirname(place.path));
  log.info("embedded_created", {
    version: programs.version,
    path: place.path,
    milliseconds: Math.round(performance.now() - began),
  });
}

/** Removes what attempts to make the cluster left that were broken off. */
export function removeUnfinished({ path }: Cluster): void {
  for (const name of readdirSync(dirname(path))) {
    if (!name.startsWith(`${basename(path)}.`) || !/\.new(\.log)?$/.test(name)) continue;
    try {
      rmSync(join(dirname(path), name), { recursive: true, force: true });
    } catch {
      // Its initdb is still ending. The next start removes it.
    }
  }
}

/** Gives the cluster to its user again when root has copied or restored it, and writes the files that are Satchel's. */
export function prepareCluster(cluster: Cluster): void {
  const { uid, gid, other, name } = cluster.account;
  if (other && statSync(cluster.path).uid !== uid) {
    for (const entry of readdirSync(cluster.path, { recursive: true, encoding: "utf8" })) {
      lchownSync(join(cluster.path, entry), uid, gid);
    }
    chownSync(cluster.path, uid, gid);
    chmodSync(cluster.path, 0o700);
  }
  const own = userName(process.getuid?.() ?? 0);
  const users = new Set([own, "root", name].filter((user) => user !== null));
  const map = [...users].flatMap((user) =>
    Object.values(LOGIN_ROLES).map((role) => `satchel "${user.replaceAll('"', '""')}" ${role}\n`),
  );
  writeOwned(cluster, "pg_hba.conf", "local all all peer map=satchel\n");
  writeOwned(cluster, "pg_ident.conf", map.join(""));
  writeOwned(cluster, "satchel.conf", SETTINGS);
}

const INCLUDE = `# Satchel's settings come first and are written anew at every start; what stands below them wins.
include 'satchel.conf'
`;

/**
 * Nothing about durability: that stays PostgreSQL's own. Errors of statements are not logged: their text repeats
 * what the caller sent, and the caller gets them anyway.
 */
const SETTINGS = `logging_collector = on
log_directory = 'log'
log_filename = 'postgres-%Y%m%dT%H%M%S.log'
log_rotation_size = 8MB
log_rotation_age = 7d
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
`;

/** Deletes all but the newest of the server's log files: PostgreSQL rotates them but keeps all. */
export function pruneLogs(cluster: Cluster, keep: number): void {
  for (const name of logFiles(cluster).slice(0, -keep))
    rmSync(join(cluster.path, "log", name), { force: true });
}

/** The server's log files, oldest first. */
export function logFiles(cluster: Cluster): string[] {
  const folder = join(cluster.path, "log");
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^postgres-\d{8}T\d{6}\.log$/.test(name))
        .sort()
    : [];
}

/**
 * Replaces a file of the cluster. Root writes here, in a folder that belongs to another user, who could have put a
 * link in the way: so the file is made new, never opened, and moved over the old one.
 */
function writeOwned(cluster: Cluster, name: string, text: string): void {
  const path = join(cluster.path, name);
  const temporary = `${path}.${crypto.randomUUID()}`;
  const file = openSync(temporary, "wx", 0o600);
  writeSync(file, text);
  if (cluster.account.other) fchownSync(file, cluster.account.uid, cluster.account.gid);
  closeSync(file);
  renameSync(temporary, path);
}

function flush(folder: string): void {
  const file = openSync(folder, "r");
  fsyncSync(file);
  closeSync(file);
}

/** The lines that say what went wrong, or else the end. */
function complaint(text: string): string {
  const lines = text.split("\n").filter((line) => /(error|ERROR|FATAL|PANIC|HINT|failed|denied)/.test(line));
  return (lines.join("\n") || text).slice(-1000);
}

async function run(cluster: Cluster, command: string[], input?: Blob): Promise<void> {
  const report = `${cluster.path}.log`;
  const output = openSync(report, "w", 0o600);
  const child = spawnFor(cluster, command, { output, ...(input ? { input } : {}) });
  closeSync(output);
  const code = await child.exited;
  const text = readFileSync(report, "utf8").trim();
  rmSync(report, { force: true });
  // Single-user mode ends well even when a statement failed.
  if (code === 0 && !/(ERROR|FATAL|PANIC):/.test(text)) return;
  throw new EmbeddedError(
    `PostgreSQL's ${command[0]?.split("/").at(-1)} failed (${child.signalCode ?? code}): ${complaint(text)}`,
    "Make sure that the data directory's disk has space, and that programs may be run from it.",
  );
}
