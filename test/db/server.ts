/**
 * A PostgreSQL of the test's own (Debian's 15), which can be made to hang, to die and to come back, and a PgBouncer to
 * put before it. Whatever runs ends with the test run.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chownSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import postgres from "postgres";
import { migrate } from "../../sql/migrate.ts";
import { chooseAccount } from "../../src/embedded/account.ts";
import { silentLog } from "../../src/log.ts";
import type { Admin } from "../support/database.ts";
import { program } from "../support/debian.ts";
import { startLogged } from "../support/logged.ts";
import { endWithRun, tempFolder } from "../support/run.ts";
import { addTables, until } from "./fixture.ts";

export interface OwnServer {
  /** As the request role, over TCP. */
  readonly url: string;
  /** As the request role, over the unix socket. */
  readonly socketUrl: string;
  /** As the superuser, over the unix socket. */
  readonly ownerUrl: string;
  readonly port: number;
  readonly admin: Admin;
  /** Stops every process of the server where it stands (SIGSTOP), and lets them go on. */
  freeze(): void;
  thaw(): void;
  /** Ends the server as a crash would, and starts it again. */
  crash(): Promise<void>;
  start(): Promise<void>;
  /** Starts a PgBouncer in transaction mode; gives the request role's URL through it. */
  startPgBouncer(settings?: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

/** Starts a server and migrates it. `settings` are such as `ssl=on`. */
export async function startServer(settings: readonly string[] = []): Promise<OwnServer> {
  const { folder: programs, env } = await program("postgres");
  const folder = tempFolder("server");
  const { uid, gid, other } = chooseAccount(folder);
  const account = other ? { uid, gid } : {};
  if (other) chownSync(folder, uid, gid);
  const data = join(folder, "data");
  const port = await freePort();
  await ended(
    spawn(
      join(programs, "initdb"),
      ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"],
      {
        ...account,
        env: { ...env, LC_ALL: "C.UTF-8" },
        cwd: folder,
        stdio: ["ignore", "ignore", "pipe"],
      },
    ),
  );
  const children: ChildProcess[] = [];
  let server: ChildProcess;

  async function start(): Promise<void> {
    const all = [
      `port=${port}`,
      "listen_addresses=127.0.0.1",
      "fsync=off",
      "max_connections=100",
      "jit=off",
      ...settings,
    ];
    const { child, ready } = startLogged(
      join(programs, "postgres"),
      ["-D", data, "-k", folder, ...all.flatMap((setting) => ["-c", setting])],
      "ready to accept connections",
      { ...account, env, cwd: folder },
    );
    server = child;
    if (server.pid !== undefined) endWithRun(server.pid, "QUIT");
    await ready;
  }

  async function crash(): Promise<void> {
    const gone = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGQUIT");
    await gone;
  }

  /** The postmaster and its children. */
  function signal(name: NodeJS.Signals): void {
    const parent = server.pid;
    if (parent === undefined) return;
    for (const pid of [parent, ...childrenOf(parent)]) process.kill(pid, name);
  }

  await start();
  const sql = (database: string) =>
    postgres({ host: "127.0.0.1", port, username: "postgres", database, max: 4, onnotice: () => {} });
  const cluster = sql("postgres");
  await cluster.unsafe("create database satchel");
  await cluster.end();
  await migrate({ ownerUrl: `postgres://postgres@127.0.0.1:${port}/satchel`, log: silentLog });
  const owner = sql("satchel");
  const admin: Admin = async <Row>(statement: string, values: readonly unknown[] = []) => [
    ...(await owner.unsafe<Row[] & object[]>(statement, [...values] as postgres.ParameterOrJSON<never>[])),
  ];
  await addTables(admin);

  async function startPgBouncer(extra: readonly string[] = []): Promise<string> {
    const bouncer = await program("pgbouncer");
    const own = await freePort();
    const users = join(folder, "users");
    const file = join(folder, `pgbouncer-${own}.ini`);
    writeFileSync(users, '"satchel_request" ""\n');
    const lines = [
      "[databases]",
      `satchel = host=127.0.0.1 port=${port} dbname=satchel`,
      "[pgbouncer]",
      "listen_addr = 127.0.0.1",
      `listen_port = ${own}`,
      "unix_socket_dir =",
      "auth_type = trust",
      `auth_file = ${users}`,
      "pool_mode = transaction",
      "default_pool_size = 20",
      "max_client_conn = 200",
      "server_login_retry = 0",
      ...extra,
    ];
    writeFileSync(file, `${lines.join("\n")}\n`);
    const child = spawn(bouncer.path, ["-q", file], {
      ...account,
      env: bouncer.env,
      cwd: folder,
      stdio: ["ignore", "ignore", "ignore"],
    });
    children.push(child);
    if (child.pid !== undefined) endWithRun(child.pid, "KILL");
    await until(() => accepts(own), "pgbouncer accepts connections");
    return `postgres://satchel_request@127.0.0.1:${own}/satchel`;
  }

  const socket = `/satchel?host=${encodeURIComponent(folder)}&port=${port}`;
  return {
    socketUrl: `postgres://satchel_request@${socket}`,
    ownerUrl: `postgres://postgres@${socket}`,
    url: `postgres://satchel_request@127.0.0.1:${port}/satchel`,
    port,
    admin,
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    crash,
    start,
    startPgBouncer,
    async close() {
      await owner.end({ timeout: 0 });
      for (const child of children) child.kill("SIGKILL");
      await crash();
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  const complaint = child.stderr === null ? "" : text(child.stderr);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${child.spawnfile} ended with ${code}: ${await complaint}`);
}

function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] === String(parent);
      } catch {
        return false; // gone meanwhile
      }
    })
    .map(Number);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("the system gave no port");
  return address.port;
}
