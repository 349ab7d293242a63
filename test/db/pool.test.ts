import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openDb, readTenant, withTenant } from "../../src/db.ts";
import type { Refusal } from "../../src/errors.ts";
import { silentLog } from "../../src/log.ts";
import { makePool, type PoolSettings } from "../../src/pool.ts";
import type { TestDatabase } from "../support/database.ts";
import { addNote, failure, noteDatabase, ours, query, tapWire, until } from "./fixture.ts";

interface Fake {
  readonly number: number;
  ended: boolean;
}

const usual: PoolSettings = {
  size: 2,
  overflow: 1,
  acquireTimeoutMs: 60_000,
  maxWaiting: 2,
  lifetimeMs: 60_000,
  idleMs: 1000,
};

/** A pool of things that are no connections, so that nothing depends on time. */
function fakePool(settings: Partial<PoolSettings> = {}, open?: (number: number) => Promise<void>) {
  const made: Fake[] = [];
  const pool = makePool<Fake>(
    {
      async open() {
        const fake = { number: made.length + 1, ended: false };
        made.push(fake);
        await open?.(fake.number);
        return fake;
      },
      async end(fake) {
        fake.ended = true;
      },
    },
    { ...usual, ...settings },
  );
  return { pool, made };
}

describe("the pool", () => {
  test("serves the party that holds the fewest first, so that a busy one keeps no other waiting [row 46]", async () => {
    const { pool } = fakePool();
    const busy = await Promise.all(Array.from({ length: 3 }, () => pool.acquire("busy")));
    const order: string[] = [];
    const queue = async (party: string) => {
      const fake = await pool.acquire(party);
      order.push(party);
      return fake;
    };
    const waiting = [queue("busy"), queue("quiet")];
    for (const connection of busy) pool.release(connection);
    await Promise.all(waiting);
    expect(order).toEqual(["quiet", "busy"]);
  });

  test("opens up to its size and its overflow, lends each connection to one caller, and lets the next wait [row 46]", async () => {
    const { pool, made } = fakePool();
    const lent = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()]);
    expect(new Set(lent).size).toBe(3);
    const order: string[] = [];
    const queue = async (name: string) => {
      const fake = await pool.acquire();
      order.push(name);
      return fake;
    };
    const fourth = queue("fourth");
    const fifth = queue("fifth");
    expect(pool.stats()).toEqual({ size: 3, busy: 3, idle: 0, waiting: 2, opened: 3, discarded: 0 });
    const [first, second] = lent;
    if (first === undefined || second === undefined) throw new Error("nothing was lent");
    pool.release(second);
    expect(await fourth).toBe(second);
    pool.release(first);
    expect(await fifth).toBe(first);
    expect(order).toEqual(["fourth", "fifth"]);
    expect(made).toHaveLength(3);
  });

  test("refuses at once when too many wait [row 47]", async () => {
    const { pool } = fakePool();
    for (let n = 0; n < 3; n++) await pool.acquire();
    void pool.acquire();
    void pool.acquire();
    const error = (await failure(pool.acquire())) as Refusal;
    expect([error.kind, error.slug, error.details.retryAfter]).toEqual(["unavailable", "database_busy", 1]);
  });

  test("refuses who has waited too long, and forgets him [row 47]", async () => {
    const { pool } = fakePool({ acquireTimeoutMs: 1000, size: 1, overflow: 0 });
    const lent = await pool.acquire();
    const waiting = failure(pool.acquire());
    pool.tidy(performance.now() + 500);
    expect(pool.stats().waiting).toBe(1);
    pool.tidy(performance.now() + 1000);
    const error = (await waiting) as Refusal;
    expect([error.slug, error.details.retryAfter]).toEqual(["database_busy", 1]);
    pool.release(lent);
    expect(pool.stats()).toMatchObject({ busy: 0, idle: 1, waiting: 0 });
  });

  test("ends a connection after its lifetime, up to a fifth earlier, and opens another for who waits [row 48]", async () => {
    const { pool, made } = fakePool({ lifetimeMs: 0, size: 1, overflow: 0 });
    const first = await pool.acquire();
    const waiting = pool.acquire();
    pool.release(first);
    expect((await waiting).number).toBe(2);
    expect(made.map(({ ended }) => ended)).toEqual([true, false]);
  });

  test("ends an idle connection at the end of its life [row 48]", async () => {
    const { pool, made } = fakePool({ lifetimeMs: 10_000 });
    pool.release(await pool.acquire());
    pool.tidy(performance.now() + 7000);
    expect(pool.stats()).toMatchObject({ size: 1, discarded: 0 });
    pool.tidy(performance.now() + 10_000);
    expect(pool.stats()).toMatchObject({ size: 0, discarded: 1 });
    expect(made[0]?.ended).toBe(true);
  });

  test("shrinks to its size when the overflow lies idle", async () => {
    const { pool, made } = fakePool();
    for (const fake of await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()]))
      pool.release(fake);
    pool.tidy(performance.now() + 500);
    expect(pool.stats().size).toBe(3);
    pool.tidy(performance.now() + 5000);
    expect(pool.stats()).toMatchObject({ size: 2, idle: 2, discarded: 1 });
    // The one used last is kept: it is the likeliest to live.
    expect(made.map(({ ended }) => ended)).toEqual([true, false, false]);
  });

  test("replaces what is lost, idle or lent, and ignores its return [row 49]", async () => {
    const { pool } = fakePool({ size: 1, overflow: 0 });
    const first = await pool.acquire();
    const waiting = pool.acquire();
    pool.lost(first);
    const second = await waiting;
    expect(second).not.toBe(first);
    pool.release(first);
    pool.release(second);
    pool.lost(second);
    pool.lost(second);
    expect(pool.stats()).toMatchObject({ size: 0, idle: 0, discarded: 2 });
    expect((await pool.acquire()).number).toBe(3);
  });

  test("never lends a connection twice, however often it is given back", async () => {
    const { pool } = fakePool();
    const lent = await pool.acquire();
    pool.release(lent);
    expect(() => pool.release(lent)).toThrow(/not lent/);
    expect(pool.stats()).toMatchObject({ size: 1, idle: 1 });
  });

  test("refuses everybody who waits when nothing can be opened, and tries again for the next", async () => {
    const { pool } = fakePool({ size: 1, overflow: 0 }, async (number) => {
      if (number === 1) throw new Error("down");
    });
    const refused = await Promise.all([failure(pool.acquire()), failure(pool.acquire())]);
    expect(refused.map(({ slug, cause }) => [slug, (cause as Error).message])).toEqual([
      ["database_unavailable", "down"],
      ["database_unavailable", "down"],
    ]);
    expect((await pool.acquire()).number).toBe(2);
  });

  test("lets waiters wait for those at work when one more cannot be opened", async () => {
    const { pool } = fakePool({}, async (number) => {
      if (number > 1) throw new Error("too many connections");
    });
    const only = await pool.acquire();
    const waiting = pool.acquire();
    await Promise.resolve();
    pool.release(only);
    expect(await waiting).toBe(only);
  });

  test("closes when all has come back, and lends nothing meanwhile [row 51]", async () => {
    const { pool, made } = fakePool({ size: 1, overflow: 0 });
    const lent = await pool.acquire();
    const waiting = pool.acquire();
    let closed = false;
    const closing = pool.close(60_000).then(() => {
      closed = true;
    });
    expect((await failure(pool.acquire())).slug).toBe("database_unavailable");
    pool.release(lent);
    const last = await waiting;
    expect(closed).toBe(false);
    pool.release(last);
    await closing;
    expect(made.every(({ ended }) => ended)).toBe(true);
    expect(pool.stats()).toMatchObject({ size: 0, busy: 0, idle: 0, waiting: 0 });
  });

  test("closes after the time for draining, whoever still holds a connection [row 51]", async () => {
    const { pool, made } = fakePool({ size: 1, overflow: 0 });
    const lent = await pool.acquire();
    const waiting = failure(pool.acquire());
    await pool.close(10);
    expect((await waiting).slug).toBe("database_unavailable");
    expect(made[0]?.ended).toBe(true);
    pool.release(lent);
    expect(pool.stats().size).toBe(0);
  });
});

describe("the database's pool", () => {
  let database: TestDatabase;
  let openedSoFar = 0;

  beforeAll(async () => {
    database = await noteDatabase();
  });

  afterAll(() => database.close());

  const open = (pool: Partial<PoolSettings>, more: object = {}) =>
    openDb({ url: `${database.requestUrl}`, log: silentLog, pool, ...more });

  const backends = async () =>
    (
      await database.admin<{ n: number }>(
        "select count(*)::int4 as n from pg_stat_activity where usename = 'satchel_request' and datname = current_database()",
      )
    )[0]?.n ?? 0;

  test("refuses with 503 and when to try again once every connection is held too long [row 47]", async () => {
    // Long enough for a busy machine to open the one connection.
    const db = await open({ size: 1, overflow: 0, acquireTimeoutMs: 1000 });
    const { promise: done, resolve: release } = Promise.withResolvers<void>();
    const { promise: held, resolve: hold } = Promise.withResolvers<void>();
    const holder = withTenant(db, ours, async () => {
      hold();
      await done;
    });
    await held;
    // The process goes on meanwhile: a timer fires while the other caller waits [row 46].
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 5);
    const error = (await failure(readTenant(db, ours, (tx) => query(tx, "select 1")))) as Refusal;
    clearInterval(ticking);
    expect([error.kind, error.slug, error.details.retryAfter]).toEqual(["unavailable", "database_busy", 1]);
    expect(ticks).toBeGreaterThan(2);
    release();
    await holder;
    await readTenant(db, ours, (tx) => query(tx, "select 1"));
    await db.close();
  });

  test("replaces an idle connection that was killed, unseen [row 49]", async () => {
    const db = await open({ size: 3, overflow: 0 });
    // All three at once, however slowly connections open.
    const busy = async () => {
      let inside = 0;
      const { promise: all, resolve: full } = Promise.withResolvers<void>();
      const enter = (n: number) =>
        withTenant(db, ours, async (tx) => {
          await query(tx, "select $1::int4", n);
          inside++;
          if (inside === 3) full();
          await all;
        });
      await Promise.all([1, 2, 3].map(enter));
    };
    await busy();
    expect(db.stats()).toMatchObject({ idle: 3, opened: 3 });
    await database.admin(
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'satchel_request'",
    );
    // Neither waits for the loss to be noticed nor is told of it.
    await busy();
    expect(db.stats()).toMatchObject({ opened: 6, discarded: 3 });
    await db.close();
  });

  test("finds out about a peer that has vanished without a word [row 49]", async () => {
    const wire = await tapWire(database.requestUrl);
    const db = await openDb({
      url: wire.url,
      log: silentLog,
      pool: { size: 2, overflow: 0 },
      probeAfterMs: 100,
      answerTimeoutMs: 100,
    });
    await withTenant(db, ours, (tx) => query(tx, "select 1"));
    wire.roundTrips();
    await until(() => wire.roundTrips() > 0, "the idle connection was asked");
    expect(db.stats()).toMatchObject({ idle: 1, discarded: 0 });
    wire.cut();
    await until(() => db.stats().discarded === 1, "the connection was given up");
    expect(db.stats()).toMatchObject({ size: 0 });
    await db.close();
    await wire.close();
  });

  test("tells when a connection opened for many has been recycled [row 48]", async () => {
    const db = await open({ size: 1, overflow: 0, lifetimeMs: 300 });
    const pid = () =>
      withTenant(db, ours, (tx) => query<{ pid: number }>(tx, "select pg_backend_pid() as pid")).then(
        ({ rows }) => rows[0]?.pid,
      );
    const first = await pid();
    await until(async () => (await pid()) !== first, "another backend serves");
    expect(db.stats()).toMatchObject({ size: 1 });
    expect(db.stats().discarded).toBeGreaterThan(0);
    await db.close();
  });

  test("closes: transactions at work commit, every backend goes, later ones are refused [row 51]", async () => {
    const db = await open({ size: 2, overflow: 0 });
    const before = await backends();
    const { promise: started, resolve: start } = Promise.withResolvers<void>();
    const { promise: gate, resolve: go } = Promise.withResolvers<void>();
    const writing = withTenant(db, ours, async (tx) => {
      await addNote(tx, ours, `draining ${++openedSoFar}`);
      start();
      await gate;
      await query(tx, "select 1");
      return "committed";
    });
    await started;
    expect(await db.check(2000)).toBe(true);
    const closing = db.close();
    expect((await failure(withTenant(db, ours, (tx) => query(tx, "select 1")))).slug).toBe(
      "database_unavailable",
    );
    go();
    expect(await writing).toBe("committed");
    await closing;
    await until(async () => (await backends()) === before, "the backends are gone");
    expect(db.stats()).toMatchObject({ size: 0, busy: 0, idle: 0, waiting: 0 });
    expect(await db.check(100)).toBe(false);
  });

  test("is healthy while every connection is busy [row 50]", async () => {
    const db = await open({ size: 1, overflow: 0 });
    const { promise: started, resolve: start } = Promise.withResolvers<void>();
    const { promise: gate, resolve: go } = Promise.withResolvers<void>();
    const working = withTenant(db, ours, async (tx) => {
      await query(tx, "select 1");
      start();
      await gate;
    });
    await started;
    expect(db.stats()).toMatchObject({ busy: 1, idle: 0 });
    expect(await db.check(2000)).toBe(true);
    go();
    await working;
    await db.close();
  });
});
