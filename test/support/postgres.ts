/**
 * The PostgreSQL of a test run: one server, started when the first test asks for it, ended with the run. The embedded
 * one (18), or Debian's 15 with SATCHEL_TEST_POSTGRES=15.
 */
import { spawn } from "node:child_process";
import { chownSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl, urlFor } from "../../sql/connection.ts";
import { chooseAccount } from "../../src/embedded/account.ts";
import { silentLog } from "../../src/log.ts";
import { program } from "./debian.ts";
import { startLogged } from "./logged.ts";
import { atEnd, endWithRun, tempFolder } from "./run.ts";

/** The major version this run is against. */
export const POSTGRES: 15 | 18 = process.env.SATCHEL_TEST_POSTGRES === "15" ? 15 : 18;

export interface TestServer {
  /** The cluster's superuser. */
  ownerUrl(database: string): string;
  /** `satchel_request`, which exists once something was migrated. */
  requestUrl(database: string): string;
}

let server: Promise<TestServer> | null = null;

/** The run's server. Starts it on the first call. */
export function testServer(): Promise<TestServer> {
  if (server === null) {
    server = POSTGRES === 15 ? startDebian() : startOwn();
    atEnd(() => {
      server = null;
    });
  }
  return server;
}

async function startOwn(): Promise<TestServer> {
  const { startEmbedded } = await import("../../src/embedded/index.ts");
  const embedded = await startEmbedded({ dataDir: tempFolder("embedded"), log: silentLog });
  atEnd(() => embedded.stop());
  const owner = parseDatabaseUrl(embedded.ownerUrl);
  const request = parseDatabaseUrl(embedded.requestUrl);
  // The product flushes to disk at every commit; these databases do not live long enough for that to matter.
  const sql = postgres({ ...driverOptions(owner), max: 1, onnotice: () => {} });
  for (const setting of ["fsync", "full_page_writes"]) await sql.unsafe(`alter system set ${setting} = off`);
  await sql`select pg_reload_conf()`;
  await sql.end();
  return {
    ownerUrl: (database) => urlFor({ ...owner, database }, owner.username, null),
    requestUrl: (database) => urlFor({ ...request, database }, request.username, null),
  };
}

/**
 * Debian's PostgreSQL 15, another one at each call: on a socket only, in a folder that no other user can enter, and so
 * without passwords. For tests that need a cluster where nothing was migrated yet. Ended with the run.
 */
export async function startDebian(): Promise<TestServer> {
  const { folder: programs, env } = await program("postgres");
  const folder = tempFolder("postgres");
  const { uid, gid, other } = chooseAccount(folder);
  const account = other ? { uid, gid } : {};
  if (other) chownSync(folder, uid, gid);
  const data = join(folder, "data");
  const initdb = spawn(
    join(programs, "initdb"),
    ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"],
    { ...account, env, cwd: folder, stdio: ["ignore", "ignore", "pipe"] },
  );
  const complaint = text(initdb.stderr);
  const code = await new Promise<number | null>((resolve) => initdb.once("close", resolve));
  if (code !== 0) throw new Error(`initdb ended with ${code}: ${await complaint}`);
  const settings = [
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "jit=off",
    "max_connections=200",
  ];
  const { child, ready } = startLogged(
    join(programs, "postgres"),
    ["-D", data, "-k", folder, ...settings.flatMap((setting) => ["-c", setting])],
    "ready to accept connections",
    { ...account, env, cwd: folder },
  );
  if (child.pid !== undefined) endWithRun(child.pid, "QUIT");
  await ready;
  const url = (username: string) => (database: string) =>
    urlFor(
      parseDatabaseUrl(`postgres://${username}@/${database}?host=${encodeURIComponent(folder)}`),
      username,
      null,
    );
  return { ownerUrl: url("postgres"), requestUrl: url("satchel_request") };
}
