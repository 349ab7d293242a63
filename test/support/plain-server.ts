/** A PostgreSQL as an operator has it: on a port, with passwords, and nothing of Satchel's in it. */
import { type ChildProcess, spawn } from "node:child_process";
import { chownSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import postgres from "postgres";
import { chooseAccount } from "../../src/embedded/account.ts";
import { unpack } from "../../src/embedded/unpack.ts";
import { silentLog } from "../../src/log.ts";
import type { Admin } from "./database.ts";
import { program } from "./debian.ts";
import { startLogged } from "./logged.ts";
import { POSTGRES } from "./postgres.ts";
import { endWithRun, tempFolder } from "./run.ts";

export interface PlainServer {
  /** As the superuser `postgres`, with its password. */
  ownerUrl(database: string): string;
  readonly port: number;
  /** The postmaster's. */
  pid(): number;
  /** Runs statements as the superuser. */
  admin(database: string): Admin;
  /** Creates an empty database. Gives the superuser's URL for it. */
  createDatabase(name: string, options?: string): Promise<string>;
  /** Ends every process of the server as a power cut would, and waits until they are gone. */
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

const PASSWORD = "the-operators-password";

/** Starts a server of the version that the run is against: Debian's 15, or the embedded 18's programs. */
export async function startPlainServer(settings: readonly string[] = []): Promise<PlainServer> {
  const folder = tempFolder("plain");
  const { uid, gid, other } = chooseAccount(folder);
  const account = other ? { uid, gid } : {};
  const { programs, env } = await findPrograms();
  const data = join(folder, "data");
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, `${PASSWORD}\n`);
  if (other) chownSync(folder, uid, gid);
  const options = [
    "-U",
    "postgres",
    "-A",
    "scram-sha-256",
    "--pwfile",
    passwordFile,
    "-E",
    "UTF8",
    "--no-sync",
  ];
  await succeeds(
    spawn(join(programs, "initdb"), ["-D", data, "--locale=C.UTF-8", ...options], {
      ...account,
      env,
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    }),
  );
  const port = await freePort();
  // Without JIT: Debian's library for it is not unpacked, and a server that wants it answers with an error.
  const all = [`port=${port}`, "listen_addresses=127.0.0.1", "max_connections=100", "jit=off", ...settings];
  let server: ChildProcess | null = null;
  const clients = new Map<string, ReturnType<typeof postgres>>();

  async function start(): Promise<void> {
    const { child, ready } = startLogged(
      join(programs, "postgres"),
      ["-D", data, "-k", folder, ...all.flatMap((setting) => ["-c", setting])],
      "ready to accept connections",
      { ...account, env, cwd: folder },
    );
    if (child.pid !== undefined) endWithRun(child.pid, "QUIT");
    await ready;
    server = child;
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const child = server;
    if (child === null) return;
    server = null;
    const gone = new Promise((resolve) => child.once("close", resolve));
    child.kill(signal);
    await gone;
  }

  const ownerUrl = (database: string) => `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/${database}`;
  const admin =
    (database: string): Admin =>
    async <Row>(statement: string, values: readonly unknown[] = []) => {
      const sql = clients.get(database) ?? postgres(ownerUrl(database), { max: 2, onnotice: () => {} });
      clients.set(database, sql);
      return [
        ...(await sql.unsafe<Row[] & object[]>(statement, [...values] as postgres.ParameterOrJSON<never>[])),
      ];
    };
  await start();
  return {
    ownerUrl,
    port,
    pid: () => {
      if (server?.pid === undefined) throw new Error("the server does not run");
      return server.pid;
    },
    admin,
    createDatabase: async (name, more = "") => {
      await admin("postgres")(`create database ${name} ${more}`);
      return ownerUrl(name);
    },
    kill: () => end("SIGQUIT"),
    start,
    close: async () => {
      for (const sql of clients.values()) await sql.end({ timeout: 0 });
      await end("SIGQUIT");
    },
  };
}

async function findPrograms(): Promise<{ programs: string; env: Readonly<Record<string, string>> }> {
  if (POSTGRES === 15) {
    const { folder, env } = await program("postgres");
    return { programs: folder, env };
  }
  const { postgres: path } = await unpack(tempFolder("programs"), false, silentLog);
  return { programs: dirname(path), env: { LC_ALL: "C.UTF-8" } };
}

async function succeeds(child: ChildProcess): Promise<void> {
  const complaint = child.stderr === null ? "" : text(child.stderr);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${child.spawnfile} ended with ${code}: ${await complaint}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("the system gave no port");
  return address.port;
}
