import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { getRollbackPlans } from "pg-boss";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { migrate } from "../../sql/migrate.ts";
import { openDb, withSystem, withTenant } from "../../src/db.ts";
import { silentLog } from "../../src/log.ts";
import {
  createJobSchema,
  DEAD_LETTER,
  enqueue,
  JOB_OPTIONS,
  type JobPayloads,
  openQueue,
  type Queue,
  queueStates,
} from "../../src/queue.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

const A = Bun.randomUUIDv7();
const B = Bun.randomUUIDv7();
const inA = { organizationId: A, userId: null };
const lockout: JobPayloads["lockout"] = { organizationId: A, guardKey: "00ff", device: "aa", step: "locked" };

let database: TestDatabase;
let queue: Queue;

beforeAll(async () => {
  database = await testDatabase();
  queue = await openQueue({ db: database.db, log: silentLog });
}, 60_000);
afterAll(async () => {
  await queue.close();
  await database.close();
});

const jobs = (name: string) =>
  database.admin<{ id: string; data: unknown; state: string; deferred: boolean }>(
    "select id, data, state::text, start_after > now() + interval '1 minute' as deferred from pgboss.job where name = $1",
    [name],
  );

describe("enqueueing [row 99]", () => {
  test("the job exists once the transaction has committed, with what it carries [row 99]", async () => {
    const id = await withTenant(database.db, inA, (tx) => enqueue(queue, tx, "lockout", lockout));
    const found = (await jobs("lockout")).filter((job) => job.id === id);
    expect(found).toEqual([{ id: String(id), data: lockout, state: "created", deferred: false }]);
  });

  test("a job of a transaction that rolls back does not exist [row 99]", async () => {
    const before = await jobs("reindex-search");
    const refused = withTenant(database.db, inA, async (tx) => {
      await enqueue(queue, tx, "reindex-search", { organizationId: A, contentIds: [B] });
      throw new Error("no after all");
    });
    expect(refused).rejects.toThrow("no after all");
    await refused.catch(() => {});
    expect(await jobs("reindex-search")).toEqual(before);
  });

  test("needs no connection but the transaction's own", async () => {
    const single = await testDatabase({ pool: { size: 1, overflow: 0, acquireTimeoutMs: 500 } });
    const own = await openQueue({ db: single.db, log: silentLog });
    const id = await withTenant(single.db, inA, (tx) => enqueue(own, tx, "lockout", lockout));
    expect(id).toBeString();
    await own.close();
    await single.close();
  });

  test("takes one round trip, in which other statements may go along", async () => {
    const ids = await withTenant(database.db, inA, (tx) =>
      Promise.all(Array.from({ length: 50 }, () => enqueue(queue, tx, "lockout", lockout))),
    );
    expect(new Set(ids).size).toBe(50);
  });

  test("a job can be put off", async () => {
    const id = await withTenant(database.db, inA, (tx) =>
      enqueue(queue, tx, "lockout", lockout, { startAfterSeconds: 1800 }),
    );
    expect((await jobs("lockout")).find((job) => job.id === id)?.deferred).toBe(true);
  });

  test("a throttled job is enqueued once for each key and slot, also by many at once", async () => {
    const throttled = (key: string) =>
      withTenant(database.db, inA, (tx) =>
        enqueue(queue, tx, "lockout", lockout, { throttle: { key, seconds: 100_000 } }),
      );
    const ids = await Promise.all(Array.from({ length: 20 }, () => throttled("one")));
    expect(ids.filter((id) => id !== null)).toHaveLength(1);
    expect(await throttled("two")).toBeString();
    expect(await throttled("one")).toBeNull();
  });

  test("a job of the system is enqueued by the system alone, and a tenant's by the tenant: else it does not compile", async () => {
    const id = await withSystem(database.db, (tx) => enqueue(queue, tx, "prune-sessions", {}));
    expect(id).toBeString();
    const never = () => {
      // @ts-expect-error: a tenant's transaction
      withTenant(database.db, inA, (tx) => enqueue(queue, tx, "prune-sessions", {}));
      // @ts-expect-error: the system's transaction
      withSystem(database.db, (tx) => enqueue(queue, tx, "lockout", lockout));
      // @ts-expect-error: a job that there is not
      withTenant(database.db, inA, (tx) => enqueue(queue, tx, "lock-out", lockout));
      // @ts-expect-error: a payload of another job
      withTenant(database.db, inA, (tx) => enqueue(queue, tx, "reindex-search", lockout));
    };
    expect(never).toBeFunction();
  });
});

describe("what the request role may do with jobs", () => {
  test("it cannot enqueue a job of an organization that it has not entered", async () => {
    const foreign = withTenant(database.db, inA, (tx) =>
      enqueue(queue, tx, "lockout", { ...lockout, organizationId: B }),
    );
    expect(foreign).rejects.toMatchObject({ code: "42501" });
    await foreign.catch(() => {});
    expect((await jobs("lockout")).some(({ data }) => JSON.stringify(data).includes(B))).toBe(false);
  });

  test("it cannot enqueue a job of the system", async () => {
    const send = enqueue as (queue: Queue, tx: unknown, name: string, payload: object) => Promise<unknown>;
    const wrong = withTenant(database.db, inA, (tx) => send(queue, tx, "prune-sessions", {}));
    expect(wrong).rejects.toMatchObject({ code: "42501" });
    await wrong.catch(() => {});
  });

  for (const [what, text] of [
    ["read what a job carries", "select data from pgboss.job_common"],
    ["read jobs through the partitioned table", "select id from pgboss.job"],
    ["change a job", "update pgboss.job_common set retry_limit = 0"],
    ["delete a job", "delete from pgboss.job_common"],
    ["make a queue", "select pgboss.create_queue('mine', '{}')"],
    ["change a queue", "update pgboss.queue set retry_limit = 0"],
    ["read who runs jobs", "select * from pgboss.instance"],
    ["make a table beside them", "create table pgboss.mine (id int)"],
  ] as const) {
    test(`it cannot ${what}`, async () => {
      // Several statements in one message are one transaction.
      const attempt = database.admin(`set local role satchel_request; ${text}`);
      expect(attempt).rejects.toThrow(/permission denied/);
      await attempt.catch(() => {});
    });
  }

  test("it sees only ids of jobs of its organization, and without one none", async () => {
    await withTenant(database.db, inA, (tx) => enqueue(queue, tx, "lockout", lockout));
    const seen = (organizationId: string) =>
      database.admin<{ count: number }>(
        `set local role satchel_request;
         set local app.org_id = '${organizationId}';
         select count(id)::int as count from pgboss.job_common`,
      );
    const counts = async (organizationId: string) => JSON.stringify(await seen(organizationId));
    expect(await counts(B)).toContain('"count":0');
    expect(await counts("")).toContain('"count":0');
    expect(await counts(A)).not.toContain('"count":0');
  });
});

describe("the schema of the queue", () => {
  const openFresh = async (change: string) => {
    const other = await testDatabase();
    await other.admin(change);
    return other;
  };

  test("is never made by a server: without it, or with another release's, opening says what to run", async () => {
    for (const change of [
      "drop schema pgboss cascade",
      "update pgboss.version set version = version + 1",
      "delete from pgboss.queue where name = 'lockout'",
    ]) {
      const other = await openFresh(change);
      const opening = openQueue({ db: other.db, log: silentLog });
      expect(opening).rejects.toThrow("run `satchel migrate`");
      await opening.catch(() => {});
      await other.close();
    }
  });

  test("holds the queues with the options declared here, and brings changed ones back", async () => {
    const other = await testDatabase();
    const options = () =>
      other.admin(
        `select name, retry_limit, retry_delay, retry_backoff, retry_delay_max, heartbeat_seconds, expire_seconds,
           retention_seconds, deletion_seconds, dead_letter, policy from pgboss.queue order by name`,
      );
    const declared = await options();
    expect(declared.map(({ name }) => name)).toEqual([DEAD_LETTER, ...Object.keys(JOB_OPTIONS)].sort());
    for (const [name, wanted] of Object.entries(JOB_OPTIONS)) {
      expect(declared.find((row) => row.name === name)).toMatchObject({
        retry_limit: wanted.retryLimit,
        retry_delay: wanted.retryDelay,
        retry_backoff: true,
        heartbeat_seconds: 10,
        expire_seconds: wanted.expireInSeconds,
        dead_letter: DEAD_LETTER,
        policy: "standard",
      });
    }
    await other.admin("update pgboss.queue set retry_limit = 99, retry_delay = 99, dead_letter = null");
    await migrate({ ownerUrl: other.ownerUrl, log: silentLog, jobSchema: createJobSchema, peer: true });
    expect(await options()).toEqual(declared);
    await other.close();
  });

  test("is built once when many nodes migrate at the same time", async () => {
    const other = await openFresh("drop schema pgboss cascade");
    await Promise.all(
      Array.from({ length: 4 }, () =>
        migrate({ ownerUrl: other.ownerUrl, log: silentLog, jobSchema: createJobSchema, peer: true }),
      ),
    );
    const own = await openQueue({ db: other.db, log: silentLog });
    expect(await withTenant(other.db, inA, (tx) => enqueue(own, tx, "lockout", lockout))).toBeString();
    await own.close();
    await other.close();
  });

  test("of an earlier release is upgraded, and its waiting jobs are still there", async () => {
    const other = await testDatabase();
    const own = await openQueue({ db: other.db, log: silentLog });
    const id = await withTenant(other.db, inA, (tx) => enqueue(own, tx, "lockout", lockout));
    await own.close();
    const [now] = await other.admin<{ version: number }>("select version from pgboss.version");
    const owner = postgres({
      ...driverOptions(parseDatabaseUrl(other.ownerUrl)),
      max: 1,
      onnotice: () => {},
    });
    await owner.unsafe("set role satchel_owner");
    await owner.unsafe(getRollbackPlans("pgboss", now?.version));
    // The last migration was long ago: one within seconds of another waits for its turn.
    await owner.unsafe("update pgboss.version set bam_on = null");
    await owner.end();
    const [before] = await other.admin<{ version: number }>("select version from pgboss.version");
    expect(before?.version).toBe((now?.version ?? 0) - 1);
    await migrate({ ownerUrl: other.ownerUrl, log: silentLog, jobSchema: createJobSchema, peer: true });
    const [after] = await other.admin<{ version: number }>("select version from pgboss.version");
    expect(after).toEqual(now);
    const [kept] = await other.admin("select data from pgboss.job where id = $1", [id]);
    expect(kept).toEqual({ data: lockout });
    await other.close();
  });

  test("belongs to the owner, whose rights no server has", async () => {
    const owners = await database.admin(
      `select distinct pg_get_userbyid(relowner) as owner from pg_class
       where relnamespace = 'pgboss'::regnamespace and relkind in ('r', 'p')`,
    );
    expect(owners).toEqual([{ owner: "satchel_owner" }]);
  });
});

describe("the state of the queues", () => {
  test("names every queue, dead letters included, and how long the oldest job has been under way", async () => {
    const other = await testDatabase();
    const own = await openQueue({ db: other.db, log: silentLog });
    const id = await withTenant(other.db, inA, (tx) => enqueue(own, tx, "lockout", lockout));
    await other.admin(
      "update pgboss.job set state = 'active', started_on = now() - interval '100 seconds' where id = $1",
      [id],
    );
    const states = await queueStates(own);
    expect(states.map(({ name }) => name).sort()).toEqual([DEAD_LETTER, ...Object.keys(JOB_OPTIONS)].sort());
    const seconds = states.find(({ name }) => name === "lockout")?.oldestActiveSeconds ?? 0;
    expect(seconds).toBeGreaterThanOrEqual(100);
    expect(seconds).toBeLessThan(130);
    expect(states.find(({ name }) => name === DEAD_LETTER)?.oldestActiveSeconds).toBeNull();
    await own.close();
    await other.close();
  });

  test("cannot be had without a database, and says so", async () => {
    const other = await testDatabase();
    const second = await openDb({ url: other.requestUrl, log: silentLog });
    const own = await openQueue({ db: second, log: silentLog });
    await other.close();
    expect(queueStates(own)).rejects.toMatchObject({ kind: "unavailable" });
    await queueStates(own).catch(() => {});
    await own.close();
    await second.close(0);
  });
});
