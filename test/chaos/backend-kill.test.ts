/** Backends die at random under load. SATCHEL_TEST_LONG=1 kills ten times as many. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Db, openDb, readTenant, type Tenant, withTenant } from "../../src/db.ts";
import { Refusal } from "../../src/errors.ts";
import { silentLog } from "../../src/log.ts";
import { query, tenants, until } from "../db/fixture.ts";
import { type OwnServer, startServer } from "../db/server.ts";

const KILLS = process.env.SATCHEL_TEST_LONG === "1" ? 3000 : 300;
const WORKERS = 16;
/** Far longer than any deadline: what has not settled by then never will. */
const HUNG_MS = 10_000;

let server: OwnServer;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.close());

interface Tally {
  ok: number;
  hung: number;
  mixed: number;
  readonly refused: Map<string, number>;
  readonly unexpected: unknown[];
  /** Ids of notes whose transaction was acknowledged, refused, or neither. */
  readonly written: Set<string>;
  readonly notWritten: Set<string>;
}

/** Looks whose transaction it is, before and after having lost sight of it for a while, and writes in between. */
function write(db: Db, tenant: Tenant, id: string, tally: Tally): Promise<void> {
  return withTenant(db, tenant, async (tx) => {
    const look = async () => {
      const { rows } = await query<{ org: string | null }>(tx, "select app.org() as org");
      if (rows[0]?.org !== tenant.organizationId) tally.mixed++;
    };
    await look();
    await sleep(Math.random() * 8);
    await query(
      tx,
      "insert into app.note (organization_id, id, text) values (app.org(), $1, $2)",
      id,
      `${tenant.organizationId} ${id}`,
    );
    await sleep(Math.random() * 4);
    await look();
  });
}

async function read(db: Db, tenant: Tenant, tally: Tally): Promise<void> {
  const [org, foreign] = await readTenant(db, tenant, (tx) =>
    Promise.all([
      query<{ org: string | null }>(tx, "select app.org() as org"),
      query(tx, "select 1 from app.note where text not like $1 limit 1", `${tenant.organizationId}%`),
    ]),
  );
  if (org.rows[0]?.org !== tenant.organizationId || foreign.rows.length > 0) tally.mixed++;
}

async function storm(db: Db): Promise<{ tally: Tally; kills: number; busiest: number }> {
  const tally: Tally = {
    ok: 0,
    hung: 0,
    mixed: 0,
    refused: new Map(),
    unexpected: [],
    written: new Set(),
    notWritten: new Set(),
  };
  let kills = 0;
  let busiest = 0;

  async function work(): Promise<void> {
    for (let round = 0; kills < KILLS; round++) {
      const tenant = tenants[Math.floor(Math.random() * tenants.length)];
      if (tenant === undefined) throw new Error("there is no such tenant");
      const id = Bun.randomUUIDv7();
      const writes = round % 3 !== 0;
      const hung = new AbortController();
      const outcome = await Promise.race([
        (writes ? write(db, tenant, id, tally) : read(db, tenant, tally)).then(
          () => "ok",
          (error: unknown) => error,
        ),
        sleep(HUNG_MS, "hung", { signal: hung.signal }).catch(() => "hung"),
      ]);
      hung.abort();
      busiest = Math.max(busiest, db.stats().busy);
      if (outcome === "hung") tally.hung++;
      else if (outcome === "ok") {
        tally.ok++;
        if (writes) tally.written.add(id);
      } else if (outcome instanceof Refusal && outcome.kind === "unavailable") {
        tally.refused.set(outcome.slug, (tally.refused.get(outcome.slug) ?? 0) + 1);
        if (writes && outcome.slug !== "database_outcome_unknown") tally.notWritten.add(id);
      } else tally.unexpected.push(outcome);
    }
  }

  async function kill(): Promise<void> {
    while (kills < KILLS) {
      const killed = await server.admin(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where usename = 'satchel_request' order by random() limit 1`,
      );
      kills += killed.length;
      await sleep(Math.random() * 20);
    }
  }

  await Promise.all([kill(), ...Array.from({ length: WORKERS }, work)]);
  return { tally, kills, busiest };
}

async function survives(url: string): Promise<void> {
  const db = await openDb({ url, log: silentLog, pool: { size: 6, overflow: 2 } });
  await server.admin("delete from app.note");
  const { tally, kills, busiest } = await storm(db);

  // Serving again within a second: as many transactions as there are connections, one after another.
  const started = performance.now();
  await until(
    async () => {
      const tries = tenants.map((tenant) => withTenant(db, tenant, (tx) => query(tx, "select 1")));
      return (await Promise.allSettled(tries)).every(({ status }) => status === "fulfilled");
    },
    "every tenant is served again",
    1000,
  );
  const recovery = performance.now() - started;

  expect(kills).toBeGreaterThanOrEqual(KILLS);
  expect({ mixed: tally.mixed, hung: tally.hung, unexpected: tally.unexpected }).toEqual({
    mixed: 0,
    hung: 0,
    unexpected: [],
  });
  // It was a load, and the kills did strike.
  expect(busiest).toBeGreaterThan(4);
  expect(tally.ok).toBeGreaterThan(KILLS / 3);
  expect(tally.refused.size).toBeGreaterThan(0);

  const stored = await server.admin<{ id: string; right: boolean }>(
    "select id, text = organization_id || ' ' || id as right from app.note",
  );
  const ids = new Set(stored.map(({ id }) => id));
  expect(stored.filter(({ right }) => !right)).toEqual([]);
  expect([...tally.written].filter((id) => !ids.has(id))).toEqual([]);
  expect([...tally.notWritten].filter((id) => ids.has(id))).toEqual([]);
  await until(
    async () =>
      (await server.admin("select 1 from pg_stat_activity where state like 'idle in transaction%'"))
        .length === 0,
    "no transaction is left open",
  );
  expect(db.stats()).toMatchObject({ busy: 0, waiting: 0 });
  const refused = [...tally.refused].map(([slug, count]) => `${count} ${slug}`).join(", ");
  console.info(
    `${kills} kills: ${tally.ok} transactions succeeded, refused: ${refused}; ` +
      `0 mixed, 0 hung; serving after ${recovery.toFixed(0)} ms`,
  );
  await db.close();
}

describe("backends killed at random under the load of ten organizations mix no tenants and hang nobody [rows 41, 43, 49]", () => {
  test(
    "directly",
    async () => {
      await survives(server.url);
    },
    KILLS * 100,
  );

  test(
    "through PgBouncer in transaction mode [row 116]",
    async () => {
      await survives(await server.startPgBouncer());
    },
    KILLS * 100,
  );
});
