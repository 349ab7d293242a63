/** What patches/postgres@3.4.9.patch cures in the driver. Each of these fails, hangs or brings the process down without it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { connect as connectSocket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import type { TestDatabase } from "../support/database.ts";
import { failure, noteDatabase, until } from "./fixture.ts";

let database: TestDatabase;
const clients: postgres.Sql[] = [];

beforeAll(async () => {
  database = await noteDatabase();
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end({ timeout: 1 })));
});

afterAll(() => database.close());

type Options = postgres.Options<Record<string, postgres.PostgresType>>;

function open(name: string, options: Options = {}): postgres.Sql {
  const client = postgres({
    ...driverOptions(parseDatabaseUrl(database.ownerUrl)),
    onnotice: () => {},
    connection: { application_name: name },
    ...options,
  });
  clients.push(client);
  return client;
}

const backends = (name: string) =>
  database.admin<{ pid: number; state: string }>(
    "select pid, state from pg_stat_activity where application_name = $1",
    [name],
  );

async function kill(pid: number): Promise<void> {
  await database.admin("select pg_terminate_backend($1)", [pid]);
  await until(
    async () => (await database.admin("select 1 from pg_stat_activity where pid = $1", [pid])).length === 0,
    "the backend is gone",
  );
}

const pidOf = async (sql: postgres.ISql) => {
  const [row] = await sql`select pg_backend_pid() as pid`;
  return Number(row?.pid);
};

/** Fails instead of hanging. */
const soon = <T>(promise: Promise<T>, ms = 5000): Promise<T> =>
  Promise.race([promise, sleep(ms).then(() => Promise.reject(new Error(`not settled within ${ms} ms`)))]);

describe("a client that connects once", () => {
  test("rejects what is queued when its connection closes, and what comes later", async () => {
    const sql = open("once", { max: 1, once: true });
    const pid = await pidOf(sql);
    const running = failure(sql`select pg_sleep(60)`);
    // A statement whose types must be asked for first is queued, and others behind it.
    const queued = Array.from({ length: 5 }, (_, n) => failure(sql`select ${n}::int4`));
    await until(async () => (await backends("once")).some(({ state }) => state === "active"), "it runs");
    await kill(pid);
    for (const error of await soon(Promise.all([running, ...queued])))
      expect(error.code).toBe("CONNECTION_CLOSED");
    expect((await soon(failure(sql`select 1`))).code).toBe("CONNECTION_CLOSED");
    expect(await backends("once")).toEqual([]);
  });

  test("rejects everything when it cannot connect at all", async () => {
    const sql = open("nowhere", {
      max: 1,
      once: true,
      path: undefined,
      host: "127.0.0.1",
      port: 1,
      connect_timeout: 1,
    });
    const errors = await soon(Promise.all([1, 2, 3].map((n) => failure(sql`select ${n}::int4`))));
    expect(errors.map(({ code }) => code)).toEqual([
      "ECONNREFUSED",
      "CONNECTION_CLOSED",
      "CONNECTION_CLOSED",
    ]);
  });

  test("rejects everything when a server closes before it says anything", async () => {
    const server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.end(), open() {} },
    });
    const sql = open("closing", {
      max: 1,
      once: true,
      path: undefined,
      host: "127.0.0.1",
      port: server.port,
    });
    const errors = await soon(Promise.all([1, 2].map((n) => failure(sql`select ${n}::int4`))));
    expect(errors.map(({ code }) => code)).toEqual(["CONNECTION_CLOSED", "CONNECTION_CLOSED"]);
    server.stop(true);
  });

  test("drops its connection at once when told to", async () => {
    const sql = open("aborted", { max: 1, once: true });
    await pidOf(sql);
    const running = failure(sql`select pg_sleep(60)`);
    await until(async () => (await backends("aborted")).some(({ state }) => state === "active"), "it runs");
    sql.abort();
    expect((await soon(running, 1000)).code).toBe("CONNECTION_CLOSED");
  });

  test("never sends a failed statement again: it would run behind the end of its transaction", async () => {
    const sql = open("stale plan", { max: 1, once: true });
    await database.admin("create table app.stale (a int4)");
    const insert = () =>
      sql.unsafe("insert into app.stale values (1) returning *", [], { prepare: true, simple: false });
    await insert();
    await insert();
    await database.admin("alter table app.stale add column b int4");
    const all = await Promise.allSettled([
      sql.unsafe("begin"),
      insert(),
      sql.unsafe("rollback"),
      sql.unsafe("select count(*)::int4 as n from app.stale"),
    ]);
    expect(all.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
    expect(await database.admin("select count(*)::int4 as n from app.stale")).toEqual([{ n: 2 }]);
    // Prepared anew.
    expect(await insert()).toHaveLength(1);
  });
});

test("a parameter that cannot be written fails its own statement alone, and answers stay in step", async () => {
  const sql = open("in step", { max: 1 });
  const read = (value: unknown) =>
    sql.unsafe("select $1::jsonb as value", [value as never], { prepare: true });
  await read(1);
  const loop: { self?: unknown } = {};
  loop.self = loop;
  const [before, wrong, after, last] = await soon(
    Promise.allSettled([read("before"), read(loop), read("after"), sql`select 'last' as value`]),
  );
  expect(wrong.status).toBe("rejected");
  expect(
    [before, after, last].map((settled) => settled.status === "fulfilled" && settled.value[0]?.value),
  ).toEqual(["before", "after", "last"]);
  // Nor does it block when nothing else is under way.
  await soon(failure(read(loop)));
  expect((await soon(read("again")))[0]?.value).toBe("again");
});

test("a BEGIN that fills the pipeline still reserves its connection", async () => {
  const sql = open("full", { max: 2 });
  // Somewhere here BEGIN is the one that makes it a hundred in flight.
  for (let before = 195; before <= 205; before++) {
    await Promise.all([sql`select pg_sleep(0.01)`, sql`select pg_sleep(0.01)`]);
    const plain = Array.from({ length: before }, () => sql`select 1`.execute());
    const written = sql.begin(async (tx) => {
      await tx`insert into app.tally values (${before}, 1)`;
      return "committed";
    });
    await soon(Promise.all(plain));
    expect(await soon(written)).toBe("committed");
    await sql`insert into app.tally values (${before + 1000}, 1)`;
  }
  expect((await backends("full")).filter(({ state }) => state !== "idle")).toEqual([]);
  expect(await database.admin("select id from app.tally where id between 195 and 2000")).toHaveLength(22);
});

test("a dead transaction's later statements never run in another one", async () => {
  const sql = open("hijack", { max: 1 });
  await sql`select 1`;
  const { promise: gate, resolve: go } = Promise.withResolvers<void>();
  const { promise: dead, resolve: died } = Promise.withResolvers<void>();
  let late: unknown = "not sent";
  const first = failure(
    sql.begin(async (tx) => {
      await tx`select set_config('app.org_id', 'ours', true)`;
      await kill(await pidOf(tx));
      died();
      await gate;
      late = await tx`insert into app.tally values (3000, 1)`.then(
        () => "ran",
        (error: { code: string }) => error.code,
      );
    }),
  );
  await dead;
  const second = sql.begin(async (tx) => {
    await tx`select set_config('app.org_id', 'theirs', true)`;
    go();
    await until(() => late !== "not sent", "the late statement is settled");
    return tx`select current_setting('app.org_id') as org, (select count(*)::int4 from app.tally where id = 3000) as n`;
  });
  expect((await soon(first)).message).toMatch(/CONNECTION_CLOSED/);
  expect(await soon(second)).toMatchObject([{ org: "theirs", n: 0 }]);
  expect(late).toBe("CONNECTION_CLOSED");
});

test("what a transaction had queued is rejected when its connection closes", async () => {
  const sql = open("queued", { max: 1 });
  const codes: string[] = [];
  const outcome = soon(
    sql.begin(async (tx) => {
      const pid = await pidOf(tx);
      const results = Array.from({ length: 5 }, (_, n) => failure(tx`select ${n}::int4, pg_sleep(60)`));
      await until(async () => (await backends("queued")).some(({ state }) => state === "active"), "it runs");
      await kill(pid);
      codes.push(...(await Promise.all(results)).map(({ code }) => String(code)));
    }),
  );
  await failure(outcome);
  await until(() => codes.length > 0, "they are settled");
  expect(new Set(codes)).toEqual(new Set(["CONNECTION_CLOSED"]));
  expect(await soon(sql`select 1 as n`)).toMatchObject([{ n: 1 }]);
});

test("a reserved connection that has died says so, and does not come back into the pool", async () => {
  const sql = open("reserved", { max: 1 });
  await sql`select 1`;
  const reserved = await sql.reserve();
  const running = failure(reserved`select pg_sleep(60)`);
  await until(async () => (await backends("reserved")).some(({ state }) => state === "active"), "it runs");
  const [backend] = await backends("reserved");
  await kill(Number(backend?.pid));
  expect((await soon(running)).code).toBe("CONNECTION_CLOSED");
  expect((await soon(failure(reserved`select 1`))).code).toBe("CONNECTION_CLOSED");
  // The pool has a new connection by now; the reserved handle must not reach it.
  const pid = await soon(pidOf(sql));
  expect((await soon(failure(reserved`select 1`))).code).toBe("CONNECTION_CLOSED");
  reserved.release();
  expect(await soon(pidOf(sql))).toBe(pid);
});

test("a socket that drains does not lend out a connection in the middle of a transaction", async () => {
  const target = parseDatabaseUrl(database.ownerUrl);
  const socket = connectSocket(`${target.host}/.s.PGSQL.${target.port}`);
  await new Promise((resolve) => socket.once("connect", resolve));
  // The driver takes a function that makes the socket, though its types do not tell.
  const sql = open("drain", { max: 1, socket: () => socket } as Options);
  await sql`select 1`;
  let other: Promise<postgres.RowList<postgres.Row[]>> | undefined;
  const own = await sql.begin(async (tx) => {
    const before = await tx`select txid_current()::text as id`;
    other = sql`select txid_current()::text as id`.execute();
    socket.emit("drain");
    await tx`select 1`;
    return before;
  });
  expect((await soon(Promise.resolve(other)))?.[0]?.id).not.toBe(own[0]?.id);
});
