import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { type Db, openDb, readTenant, withTenant } from "../../src/db.ts";
import { silentLog } from "../../src/log.ts";
import { addNote, failure, ours, query, tapWire, theirs, until } from "./fixture.ts";
import { type OwnServer, startServer } from "./server.ts";

let server: OwnServer;
const dbs: Db[] = [];

beforeAll(async () => {
  server = await startServer();
});

afterEach(async () => {
  await Promise.all(dbs.splice(0).map((db) => db.close(100)));
});

afterAll(() => server.close());

async function open(url: string, more: object = {}): Promise<Db> {
  const db = await openDb({ url, log: silentLog, pool: { size: 3, overflow: 0 }, ...more });
  dbs.push(db);
  return db;
}

const work = (db: Db) => withTenant(db, ours, (tx) => query(tx, "select $1::int4 as n", 1));

/** How long a promise takes to settle, in milliseconds. */
async function took(promise: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await promise.catch(() => {});
  return performance.now() - start;
}

test("a server that is not there is told at once [row 50]", async () => {
  const url = "postgres://satchel_request@127.0.0.1:1/satchel";
  const opening = failure(openDb({ url, log: silentLog }));
  expect(await took(opening)).toBeLessThan(2000);
  expect((await opening).slug).toBe("database_unavailable");
});

test("a server that accepts and says nothing is told within two seconds", async () => {
  const mute = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const opening = failure(openDb({ url: `postgres://x@127.0.0.1:${mute.port}/satchel`, log: silentLog }));
  expect(await took(opening)).toBeLessThan(2000);
  expect((await opening).slug).toBe("database_unavailable");
  mute.stop(true);
});

test("a server that offers no TLS learns nothing where TLS is required", async () => {
  for (const sslmode of ["require", "verify-full"]) {
    const said: Buffer[] = [];
    const bare = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket, data) {
          said.push(Buffer.from(data));
          // "N": no TLS here.
          if (said.length === 1) socket.write("N");
          else socket.end();
        },
      },
    });
    const url = `postgres://somebody:hunter2@127.0.0.1:${bare.port}/satchel?sslmode=${sslmode}`;
    expect((await failure(openDb({ url, log: silentLog }))).slug).toBe("database_unavailable");
    const [request] = said;
    expect(request?.toString("hex")).toBe("0000000804d2162f");
    expect(Buffer.concat(said).toString("latin1")).not.toMatch(/somebody|hunter2/);
    bare.stop(true);
  }
});

test("a refused sign-in names neither user nor password", async () => {
  const error = await failure(
    openDb({ url: `postgres://nobody:hunter2@127.0.0.1:${server.port}/satchel`, log: silentLog }),
  );
  expect(error.slug).toBe("database_unavailable");
  expect(JSON.stringify(error) + error.message).not.toMatch(/hunter2|nobody/);
});

test("a crash of the server is refused while it is down and forgotten once it is up [rows 49, 50]", async () => {
  const db = await open(server.url);
  await Promise.all([work(db), work(db), work(db)]);
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  const interrupted = failure(
    withTenant(db, ours, async (tx) => {
      await addNote(tx, ours, "interrupted");
      reach();
      await query(tx, "select pg_sleep(60)");
    }),
  );
  await reached;
  await server.crash();
  expect((await interrupted).slug).toBe("database_connection_lost");
  const attempts = Array.from({ length: 20 }, () => failure(work(db)));
  expect(await took(Promise.all(attempts))).toBeLessThan(2000);
  for (const attempt of attempts) expect((await attempt).slug).toBe("database_unavailable");
  expect(await db.check(200)).toBe(false);
  await server.start();
  const start = performance.now();
  await work(db);
  expect(await db.check(1000)).toBe(true);
  expect(performance.now() - start).toBeLessThan(2000);
  expect(await server.admin("select 1 from app.note where text = 'interrupted'")).toEqual([]);
});

test("a server that hangs is refused within two seconds, whoever waits, and health says false in its time [row 50]", async () => {
  const db = await open(server.url);
  await Promise.all([work(db), work(db), work(db)]);
  expect(await db.check(1000)).toBe(true);
  server.freeze();
  try {
    const attempts = Array.from({ length: 30 }, () => failure(work(db)));
    const checking = took(db.check(200));
    expect(await took(Promise.all(attempts))).toBeLessThan(2000);
    for (const attempt of attempts) expect((await attempt).slug).toBe("database_unavailable");
    expect(await checking).toBeLessThan(400);
    expect(await db.check(200)).toBe(false);
    // The next ones as well, now that no connection is left.
    const later = failure(readTenant(db, ours, (tx) => query(tx, "select 1")));
    expect(await took(later)).toBeLessThan(2000);
    expect((await later).slug).toBe("database_unavailable");
  } finally {
    server.thaw();
  }
  await until(
    () =>
      work(db).then(
        () => true,
        () => false,
      ),
    "it serves again",
    2000,
  );
  await until(() => db.check(200), "it is healthy again");
});

test("a commit whose answer never came is told as what it is: unknown", async () => {
  const wire = await tapWire(server.url);
  const db = await open(wire.url, { statementTimeoutMs: 200 });
  const error = await failure(
    withTenant(db, ours, async (tx) => {
      await addNote(tx, ours, "unknown");
      wire.cut();
    }),
  );
  expect(error.slug).toBe("database_outcome_unknown");
  expect(error.message).toMatch(/may have been made, or not/);
  await wire.close();
});

test("a connection that dies before the commit is sent has changed nothing, and is told so", async () => {
  const db = await open(server.url);
  const error = await failure(
    withTenant(db, ours, async (tx) => {
      const { rows } = await query<{ pid: number }>(tx, "select pg_backend_pid() as pid");
      await addNote(tx, ours, "cut short");
      await server.admin("select pg_terminate_backend($1)", [rows[0]?.pid]);
      await until(() => db.stats().discarded === 1, "the loss is noticed");
      // Awaits something else, as no transaction should, and goes on.
      expect((await failure(addNote(tx, ours, "hijacked"))).slug).toBe("database_connection_lost");
    }),
  );
  expect(error.slug).toBe("database_connection_lost");
  expect(await server.admin("select 1 from app.note where text in ('cut short', 'hijacked')")).toEqual([]);
});

test("a dead transaction's later statements never run in another tenant's", async () => {
  const db = await open(server.url, { pool: { size: 1, overflow: 0 } });
  const { promise: gate, resolve: go } = Promise.withResolvers<void>();
  const { promise: dead, resolve: died } = Promise.withResolvers<void>();
  let late: Error | null = null;
  const first = failure(
    withTenant(db, ours, async (tx) => {
      const { rows } = await query<{ pid: number }>(tx, "select pg_backend_pid() as pid");
      await server.admin("select pg_terminate_backend($1)", [rows[0]?.pid]);
      died();
      await gate;
      late = await failure(
        query(tx, "insert into app.note (organization_id, text) values (app.org(), 'hijack')"),
      );
    }),
  );
  await dead;
  const second = await withTenant(db, theirs, async (tx) => {
    await query(tx, "select 1");
    go();
    await until(() => late !== null, "the late statement is settled");
    return query(
      tx,
      "select app.org() as org, (select count(*)::int4 from app.note where text = 'hijack') as n",
    );
  });
  expect((await first).slug).toBe("database_connection_lost");
  expect(second.rows).toEqual([{ org: theirs.organizationId, n: 0 }]);
});

test("deadlines hold through a pooler that takes none at connecting, and named statements are off there", async () => {
  for (const settings of [
    [],
    ["ignore_startup_parameters = statement_timeout,lock_timeout,idle_in_transaction_session_timeout"],
  ]) {
    const url = await server.startPgBouncer(["default_pool_size = 1", ...settings]);
    const db = await open(url, { statementTimeoutMs: 150 });
    expect((await failure(withTenant(db, ours, (tx) => query(tx, "select pg_sleep(5)")))).slug).toBe(
      "database_timeout",
    );
    const { rows } = await withTenant(db, ours, (tx) =>
      query(
        tx,
        "select current_setting('lock_timeout') as lock, (select count(*)::int4 from pg_prepared_statements) as named",
      ),
    );
    expect(rows).toEqual([{ lock: "1s", named: 0 }]);
    // Nothing stays behind on the server's connection for the next client.
    const admin = await server.admin<{ n: number }>(
      "select count(*)::int4 as n from pg_stat_activity where state = 'idle in transaction'",
    );
    expect(admin).toEqual([{ n: 0 }]);
  }
});
