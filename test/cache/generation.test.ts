import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Cache, cached, openCache } from "../../src/cache.ts";
import { changed, readTenant, withTenant } from "../../src/db.ts";
import { newSecret, openKeys } from "../../src/keys.ts";
import { silentLog } from "../../src/log.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";

const ITEMS = 4;
const keys = openKeys([newSecret()]);
const organizationId = Bun.randomUUIDv7();
const tenant = { organizationId, userId: null };

let database: TestDatabase;
let redis: TestRedis;
let caches: readonly Cache[];

beforeAll(async () => {
  redis = await startRedis();
  database = await testDatabase();
  const { admin } = database;
  await admin("insert into app.organization (organization_id, name, slug) values ($1, 'School', 'school')", [
    organizationId,
  ]);
  await admin(
    "create table app.item (organization_id uuid not null, item_id int not null, value int not null)",
  );
  await admin("insert into app.item select $1, i, 0 from generate_series(0, $2::int - 1) i", [
    organizationId,
    ITEMS,
  ]);
  await admin("grant select, update on app.item to satchel_request");
  const open = () =>
    openCache({ redisUrl: redis.url, entries: 1000, ttlSeconds: 300, release: "test", keys, log: silentLog });
  caches = [await open(), await open()];
}, 60_000);
afterAll(async () => {
  for (const cache of caches) await cache.close();
  await redis.close();
  await database.close();
});

/** What authenticating a request gives: the generation, as of now. */
const generation = () =>
  readTenant(database.db, tenant, async (tx) => {
    const { rows } = await tx.send<{ generation: number }>(
      {
        name: "test/generation",
        text: "select generation from app.generation where organization_id = app.org() and topic = 'contents'",
      },
      [],
    );
    return rows[0]?.generation ?? 0;
  });

const load = (id: number) =>
  readTenant(database.db, tenant, async (tx) => {
    const { rows } = await tx.send<{ value: number }>(
      {
        name: "test/read",
        text: "select value from app.item where organization_id = app.org() and item_id = $1",
      },
      [id],
    );
    return rows[0]?.value ?? -1;
  });

const write = (id: number) =>
  withTenant(database.db, tenant, async (tx) => {
    changed(tx, "contents");
    const { rows } = await tx.send<{ value: number }>(
      {
        name: "test/write",
        text: "update app.item set value = value + 1 where organization_id = app.org() and item_id = $1 returning value",
      },
      [id],
    );
    return rows[0]?.value ?? -1;
  });

test("readers on two nodes against writers: no read is older than the last write acknowledged before it [row 84]", async () => {
  const acknowledged = Array.from({ length: ITEMS }, () => 0);
  let stale = 0;
  let reads = 0;
  const end = performance.now() + 2000;
  const writers = Array.from({ length: ITEMS }, async (_, id) => {
    while (performance.now() < end) {
      const value = await write(id);
      acknowledged[id] = Math.max(acknowledged[id] ?? 0, value);
      // Long enough for some reads to be hits.
      await Bun.sleep(Math.random() * 20);
    }
  });
  const readers = Array.from({ length: 24 }, async (_, i) => {
    const cache = caches[i % caches.length];
    if (cache === undefined) throw new Error("no cache");
    for (let round = 0; performance.now() < end; round++) {
      const id = (i + round) % ITEMS;
      const floor = acknowledged[id] ?? 0;
      const key = { organizationId, visibility: "student", topic: "contents", args: { id } } as const;
      const value = await cached(cache, { ...key, generation: await generation() }, async () => {
        const loaded = await load(id);
        // The moment between reading and keeping in which deleting after the commit goes wrong.
        await Bun.sleep(Math.random() * 6);
        return loaded;
      });
      reads++;
      if (value < floor) stale++;
    }
  });
  await Promise.all([...writers, ...readers]);
  const stats = caches.map((cache) => cache.stats());
  expect(stale).toBe(0);
  expect(reads).toBeGreaterThan(500);
  expect(acknowledged.every((value) => value > 10)).toBe(true);
  // Otherwise nothing was shown about the cache.
  const hits = stats.map(({ localHits, sharedHits, coalesced }) => localHits + sharedHits + coalesced);
  expect(hits.reduce((a, b) => a + b)).toBeGreaterThan(reads / 10);
  expect(stats.some(({ sharedHits }) => sharedHits > 0)).toBe(true);
});

test("a write that rolls back changes no generation, and one in another organization neither [row 83]", async () => {
  const before = await generation();
  const refused = withTenant(database.db, tenant, async (tx) => {
    changed(tx, "contents");
    await tx.send({ name: "test/nothing", text: "select 1" }, []);
    throw new Error("no after all");
  });
  expect(refused).rejects.toThrow("no after all");
  await refused.catch(() => {});
  const other = Bun.randomUUIDv7();
  await database.admin(
    "insert into app.organization (organization_id, name, slug) values ($1, 'Other', 'other')",
    [other],
  );
  await withTenant(database.db, { organizationId: other, userId: null }, async (tx) =>
    changed(tx, "contents"),
  );
  expect(await generation()).toBe(before);
});

test("a cached read inside a transaction is refused: a transaction waits for nothing but the database", async () => {
  const [cache] = caches;
  if (cache === undefined) throw new Error("no cache");
  const key = {
    organizationId,
    visibility: "student",
    topic: "contents",
    generation: 1,
    args: "inside",
  } as const;
  const inside = withTenant(database.db, tenant, () => cached(cache, key, async () => 1));
  expect(inside).rejects.toThrow("inside a transaction");
  await inside.catch(() => {});
  expect(await cached(cache, key, () => withTenant(database.db, tenant, async () => 2))).toBe(2);
});
