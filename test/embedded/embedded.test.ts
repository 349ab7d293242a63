import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  watch,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { chooseAccount } from "../../src/embedded/account.ts";
import {
  EmbeddedError,
  type EmbeddedPostgres,
  findRunning,
  startEmbedded,
} from "../../src/embedded/index.ts";
import { requireSpace } from "../../src/embedded/unpack.ts";
import { type Log, openLog } from "../../src/log.ts";
import { binary } from "../support/binary.ts";
import { atEnd, endWithRun, tempFolder } from "../support/run.ts";

// A first start takes a second on an idle machine, and many on one that is busy with other tests.
setDefaultTimeout(60_000);

/** One data directory that most tests start on in turn, which is much faster than a new one for each. */
const FOLDER = tempFolder("embedded");
const CLUSTER = join(FOLDER, "postgres");

let running: EmbeddedPostgres[] = [];
afterEach(async () => {
  const all = running;
  running = [];
  for (const each of all) await each.stop();
});

interface Events {
  readonly log: Log;
  /** Resolves with the event's fields when it was logged, or as soon as it is. */
  seen(event: string): Promise<Record<string, unknown>>;
}

function events(): Events {
  const lines: Record<string, unknown>[] = [];
  const waiting: { event: string; resolve: (line: Record<string, unknown>) => void }[] = [];
  const write = (text: string) => {
    const line: Record<string, unknown> = JSON.parse(text);
    lines.push(line);
    for (const each of waiting) if (each.event === line.event) each.resolve(line);
  };
  return {
    log: openLog({ level: "info", write }),
    seen: (event) =>
      new Promise((resolve) => {
        const line = lines.find((each) => each.event === event);
        if (line) resolve(line);
        else waiting.push({ event, resolve });
      }),
  };
}

async function start(dataDir = FOLDER, { log }: Pick<Events, "log"> = events()): Promise<EmbeddedPostgres> {
  const embedded = await startEmbedded({ dataDir, log });
  running.push(embedded);
  endWithRun(embedded.pid, "QUIT");
  return embedded;
}

/** The error that `promise` ends with, which must be one that a person can act on. */
async function refusal(promise: Promise<unknown>): Promise<EmbeddedError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof EmbeddedError)) throw new Error("it was not refused", { cause: error });
  return error;
}

type Sql = postgres.Sql;

async function connected<Result>(url: string, use: (sql: Sql) => Promise<Result>): Promise<Result> {
  const sql = postgres({ ...driverOptions(parseDatabaseUrl(url)), max: 1, onnotice: () => {} });
  try {
    return await use(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Runs `probe` again and again until it does not throw and does not say false. */
async function until<Result>(probe: () => Result | Promise<Result>): Promise<Result> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    try {
      const result = await probe();
      if (result !== false) return result;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    if (performance.now() > deadline) throw new Error(`it did not come about: ${probe}`);
    await Bun.sleep(10);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** The processes whose current folder is the cluster's: the server and all its children. */
const processesOf = (cluster: string): string[] =>
  readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === cluster;
    } catch {
      return false;
    }
  });

interface Owner {
  readonly process: Bun.Subprocess<"pipe", "pipe", "ignore">;
  /** What it said when it was ready or had been refused. */
  readonly said: Promise<{ ownerUrl: string; server: number; refused?: string; cure?: string }>;
}

function owner(folder: string, { flags = [] }: { flags?: string[] } = {}): Owner {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "owner.ts"), folder, ...flags], {
    stdio: ["pipe", "pipe", "ignore"],
    env: {},
  });
  endWithRun(child.pid, "KILL");
  const said = async () => {
    for await (const chunk of child.stdout) return JSON.parse(new TextDecoder().decode(chunk));
    throw new Error(`the owner ended with ${await child.exited}`);
  };
  return { process: child, said: said() };
}

/** Kills a new owner as soon as `path` matches something below the folder. */
async function killOwnerAt(folder: string, found: (name: string) => boolean): Promise<void> {
  const seen = Promise.withResolvers<void>();
  const watcher = watch(folder, (_, name) => name !== null && found(name) && seen.resolve());
  const { process: child, said } = owner(folder);
  said.catch(() => {});
  await Promise.race([seen.promise, child.exited]);
  child.kill("SIGKILL");
  await child.exited;
  watcher.close();
}

test("a first start in an empty folder makes a whole cluster, and the next one finds what was written [row 93]", async () => {
  const first = await start();
  expect(first.version).toMatch(/^18\.\d+$/);
  const settings = await connected(first.ownerUrl, async (sql) => {
    await sql`create table notes (body text)`;
    await sql`insert into notes values ('kept')`;
    return sql<{ name: string; setting: string }[]>`
      select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit',
        'data_checksums', 'listen_addresses', 'server_encoding', 'TimeZone') order by name`;
  });
  expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
    data_checksums: "on",
    fsync: "on",
    full_page_writes: "on",
    listen_addresses: "",
    server_encoding: "UTF8",
    synchronous_commit: "on",
    TimeZone: "UTC",
  });
  await first.stop();
  expect(processesOf(CLUSTER)).toEqual([]);

  const { log, seen } = events();
  const second = await start(FOLDER, { log });
  expect(second.ownerUrl).toBe(first.ownerUrl);
  expect(await connected(second.ownerUrl, (sql) => sql`select body from notes`)).toMatchObject([
    { body: "kept" },
  ]);
  await seen("embedded_ready");
});

test("PostgreSQL runs as an ordinary user, whose alone the data and the socket are [row 93]", async () => {
  const { pid, ownerUrl } = await start();
  const account = chooseAccount(CLUSTER);
  expect(account.uid).not.toBe(0);
  expect(account.other).toBe(process.getuid?.() === 0);
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  expect(status).toMatch(new RegExp(`^Uid:(\\t${account.uid}){4}$`, "m"));
  expect(status).toMatch(new RegExp(`^Gid:(\\t${account.gid}){4}$`, "m"));
  for (const folder of [CLUSTER, parseDatabaseUrl(ownerUrl).host]) {
    const { uid, mode } = statSync(folder);
    expect({ uid, mode: mode & 0o777 }).toEqual({ uid: account.uid, mode: 0o700 });
  }
});

test("over the socket one is the superuser or the request role, and nobody else", async () => {
  const { ownerUrl, requestUrl } = await start();
  await connected(ownerUrl, async (sql) => {
    await sql`create role satchel_request login`;
    await sql`create role stranger login superuser`;
  });
  const whoAmI = (url: string) => connected(url, (sql) => sql`select current_user::text as me`);
  expect(await whoAmI(ownerUrl)).toMatchObject([{ me: "postgres" }]);
  expect(await whoAmI(requestUrl)).toMatchObject([{ me: "satchel_request" }]);
  const stranger = ownerUrl.replace("//postgres@", "//stranger@");
  await expect(whoAmI(stranger)).rejects.toThrow('Peer authentication failed for user "stranger"');
});

test("a second start on the same folder is refused and names the first; a client finds the first [row 93]", async () => {
  expect(await findRunning({ dataDir: FOLDER })).toBeNull();
  const { ownerUrl, requestUrl, stop } = await start();
  const error = await refusal(startEmbedded({ dataDir: FOLDER, log: events().log }));
  expect(error.message).toContain(`process ${process.pid}`);
  expect(error.cure).toContain("--data-dir");
  expect(error.exitCode).toBe(75);
  expect(await findRunning({ dataDir: FOLDER })).toEqual({ ownerUrl, requestUrl });
  const other = await owner(FOLDER).said;
  expect(other.refused).toContain(`process ${process.pid}`);
  await stop();
  expect(await findRunning({ dataDir: FOLDER })).toBeNull();
});

test("a client waits for a server that is starting", async () => {
  const starting = start();
  const found = await findRunning({ dataDir: FOLDER });
  expect(found?.ownerUrl).toBe((await starting).ownerUrl);
});

test("a server killed under load is started again, and no acknowledged row is lost [row 93]", async () => {
  const { log, seen } = events();
  const embedded = await start(FOLDER, { log });
  const before = embedded.pid;
  let acknowledged = 0;
  await connected(embedded.ownerUrl, async (sql) => {
    await sql`create table counted (n int)`;
    const insert = async () => {
      await sql`insert into counted values (${acknowledged})`;
      acknowledged++;
      if (acknowledged === 200) process.kill(before, "SIGKILL");
    };
    await expect(
      (async () => {
        for (;;) await insert();
      })(),
    ).rejects.toThrow();
  });
  expect(await seen("embedded_died")).toMatchObject({ pid: before, signal: "SIGKILL" });
  await seen("embedded_restarted");
  expect(embedded.pid).not.toBe(before);
  endWithRun(embedded.pid, "QUIT");
  const [row] = await connected(embedded.ownerUrl, (sql) => sql`select count(*)::int as n from counted`);
  // One more may have been written whose answer was lost.
  expect([acknowledged, acknowledged + 1]).toContain(row?.n);
});

test.each([["with setpriv"], ["without setpriv"]])(
  "an owner killed with kill -9 takes its server with it, and the next finds the data [row 93] (%s)",
  async (how) => {
    const { process: child, said } = owner(FOLDER, {
      flags: how === "with setpriv" ? [] : ["--without-setpriv"],
    });
    const { ownerUrl, server } = await said;
    await connected(ownerUrl, (sql) => sql`insert into notes values (${how})`);
    child.kill("SIGKILL");
    await until(() => !isAlive(server));
    const { ownerUrl: next } = await start();
    expect(await connected(next, (sql) => sql`select body from notes where body = ${how}`)).toHaveLength(1);
  },
);

test("a server that outlived its owner is stopped before the next one starts [row 93]", async () => {
  const { process: child, said } = owner(FOLDER);
  const { server } = await said;
  // Stopped, it cannot act on the news of its owner's end.
  process.kill(server, "SIGSTOP");
  child.kill("SIGKILL");
  await child.exited;
  expect(isAlive(server)).toBe(true);
  const { log, seen } = events();
  const starting = start(FOLDER, { log });
  expect(await seen("embedded_leftover_stopping")).toMatchObject({ pid: server });
  process.kill(server, "SIGCONT");
  const { ownerUrl, pid } = await starting;
  expect(pid).not.toBe(server);
  expect(isAlive(server)).toBe(false);
  expect(await connected(ownerUrl, (sql) => sql`select 1 as one`)).toMatchObject([{ one: 1 }]);
});

test("a pid file that names a process of somebody else does not keep the server from starting", async () => {
  const { pid, stop } = await start();
  const file = join(CLUSTER, "postmaster.pid");
  const left = readFileSync(file, "utf8").replace(String(pid), String(process.pid));
  await stop();
  writeFileSync(file, left, { mode: 0o600 });
  const { log, seen } = events();
  await start(FOLDER, { log });
  expect(await seen("embedded_stale_pid_file")).toMatchObject({ pid: process.pid });
});

test("data of another major version are refused with the way out, and left alone [row 93]", async () => {
  const file = join(CLUSTER, "PG_VERSION");
  const version = readFileSync(file, "utf8");
  writeFileSync(file, "17\n");
  const error = await refusal(startEmbedded({ dataDir: FOLDER, log: events().log }));
  expect(error.message).toMatch(/made by PostgreSQL 17; this Satchel brings PostgreSQL 18\.\d/);
  expect(error.cure).toContain("pg_dump 17");
  expect(error.exitCode).toBe(78);
  expect(readFileSync(file, "utf8")).toBe("17\n");
  writeFileSync(file, version);
  await start();
});

test("a cluster that Satchel did not make is refused", async () => {
  const folder = tempFolder("bare");
  writeFileSync(join(folder, "PG_VERSION"), "18\n");
  expect((await refusal(startEmbedded({ dataDir: folder, log: events().log }))).cure).toContain(
    "DATABASE_URL",
  );
});

test("stopping rolls back what is open, ends every process, and may be done twice", async () => {
  const embedded = await start();
  const sql = postgres({ ...driverOptions(parseDatabaseUrl(embedded.ownerUrl)), max: 1 });
  const open = sql.begin(async (tx) => {
    await tx`insert into notes values ('never')`;
    await embedded.stop();
    await tx`select 1`;
  });
  await expect(open).rejects.toThrow();
  await embedded.stop();
  await sql.end();
  expect(isAlive(embedded.pid)).toBe(false);
  expect(processesOf(CLUSTER)).toEqual([]);
  const { ownerUrl } = await start();
  expect(await connected(ownerUrl, (again) => again`select 1 from notes where body = 'never'`)).toHaveLength(
    0,
  );
});

test("a start that was killed while unpacking, and one killed while making the cluster, harm nothing [row 93]", async () => {
  const folder = tempFolder("killed");
  await killOwnerAt(folder, (name) => name.endsWith(".part"));
  expect(existsSync(join(folder, "postgres"))).toBe(false);
  await killOwnerAt(folder, (name) => name.endsWith(".new"));
  expect(existsSync(join(folder, "postgres"))).toBe(false);

  const { ownerUrl, stop } = await start(folder);
  expect(await connected(ownerUrl, (sql) => sql`select 1 as one`)).toMatchObject([{ one: 1 }]);
  expect(readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
  await stop();
  await start(folder);
  expect(readdirSync(folder).filter((name) => name.endsWith(".new"))).toEqual([]);
});

test("a program file that a power cut left empty is unpacked again", async () => {
  const programs = readdirSync(FOLDER).find((name) => name.startsWith("postgresql-")) ?? "";
  const file = join(FOLDER, programs, "lib/postgresql/pg_trgm.so");
  const { size } = statSync(file);
  truncateSync(file, 0);
  const { log, seen } = events();
  const { ownerUrl } = await start(FOLDER, { log });
  await seen("embedded_unpacked");
  expect(statSync(file).size).toBe(size);
  await connected(ownerUrl, (sql) => sql`create extension pg_trgm`);
});

test("a disk without space is refused before anything is written to it", () => {
  const folder = tempFolder("full");
  requireSpace(folder, 1);
  expect(() => requireSpace(folder, 1e12)).toThrow(/has \d+ MB free; PostgreSQL needs 1000000000000 MB/);
});

test("a folder whose path is too long for a socket works", async () => {
  const folder = join(tempFolder("long"), "x".repeat(120));
  const { ownerUrl, stop } = await start(folder);
  const socketFolder = parseDatabaseUrl(ownerUrl).host;
  expect(socketFolder.length).toBeLessThan(80);
  expect(await connected(ownerUrl, (sql) => sql`select 1 as one`)).toMatchObject([{ one: 1 }]);
  await stop();
  expect(existsSync(socketFolder)).toBe(false);
});

test("a folder that only the one who starts it may enter works, also for root [row 93]", async () => {
  // Root's server gets its programs from here then.
  const shared = "/var/cache/satchel";
  if (!existsSync(shared)) atEnd(() => rmSync(shared, { recursive: true, force: true }));
  const above = tempFolder("private");
  chmodSync(above, 0o700);
  const folder = join(above, "data");
  const { ownerUrl, stop } = await start(folder);
  await connected(ownerUrl, (sql) => sql`create table notes as select 'kept' as body`);
  await stop();
  expect(statSync(above).mode & 0o777).toBe(0o700);
  expect(existsSync(join(folder, "postgres/PG_VERSION"))).toBe(true);
  const { ownerUrl: again, pid } = await start(folder);
  expect(await connected(again, (sql) => sql`select body from notes`)).toMatchObject([{ body: "kept" }]);
  expect(isAlive(pid)).toBe(true);
});

test("a folder of another user is refused with the way out", async () => {
  // As root: somebody the machine does not know. As an ordinary user: a folder of root's.
  if (process.getuid?.() === 0) {
    const folder = tempFolder("unknown");
    chmodSync(folder, 0o777);
    const { exitCode, stderr } = Bun.spawnSync(
      [await binary(), "serve", "--port=0", `--data-dir=${folder}/data`],
      {
        cwd: folder,
        env: {},
        uid: 12_345,
        gid: 12_345,
      },
    );
    expect(exitCode).not.toBe(0);
    expect(stderr.toString()).toContain("user id 12345");
    expect(stderr.toString()).toContain("/etc/passwd");
  } else {
    const error = await refusal(startEmbedded({ dataDir: "/satchel", log: events().log }));
    expect(error.message).toContain("/satchel cannot be made (EACCES)");
    expect(error.cure).toContain("--data-dir");
  }
});

test("a server whose folder was deleted is not started again", async () => {
  const { log, seen } = events();
  const { pid } = await start(FOLDER, { log });
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER);
  if (isAlive(pid)) process.kill(pid, "SIGKILL");
  expect(await seen("embedded_restart_failed")).toMatchObject({
    error: { message: `The data directory ${FOLDER} was deleted` },
  });
  expect(readdirSync(FOLDER)).toEqual([]);
});
