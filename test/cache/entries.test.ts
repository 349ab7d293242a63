import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Cache, openCache } from "../../src/cache.ts";
import { expire, get, has, increment, put, remove, removeTag } from "../../src/entries.ts";
import { newSecret, openKeys } from "../../src/keys.ts";
import { silentLog } from "../../src/log.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";

const keys = openKeys([newSecret()]);
const A = Bun.randomUUIDv7();
const B = Bun.randomUUIDv7();

let redis: TestRedis;
let now = Date.now();

const open = (redisUrl: string | null): Promise<Cache> =>
  openCache({
    redisUrl,
    entries: 1000,
    ttlSeconds: 300,
    release: "test",
    keys,
    log: silentLog,
    now: () => now,
  });

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());

for (const kind of ["in the process", "in Redis"] as const) {
  describe(`single entries ${kind}`, () => {
    let cache: Cache;
    beforeAll(async () => {
      cache = await open(kind === "in Redis" ? redis.url : null);
    });
    afterAll(() => cache.close());

    test("are set, got, found, and deleted [row 85]", async () => {
      const key = { organizationId: A, args: ["weather", "Ulm"] };
      expect(await get(cache, key)).toBeNull();
      expect(await has(cache, key)).toBe(false);
      const value = { degrees: 3.5, at: new Date(77), words: ["~rain", null] };
      expect(await put(cache, key, value, 60)).toBe(true);
      const found = await get<typeof value>(cache, key);
      expect(found).toEqual(value);
      expect(found?.at.getTime()).toBe(77);
      expect(() => found?.words.push("sun")).toThrow(TypeError);
      expect(await has(cache, key)).toBe(true);
      expect(await remove(cache, key)).toBe(true);
      expect(await remove(cache, key)).toBe(false);
      expect(await get(cache, key)).toBeNull();
    });

    test("end after the time they were given, and can be given another [row 85]", async () => {
      const key = { organizationId: A, args: "ends" };
      await put(cache, key, 1, 10);
      now += 9_999;
      expect(await has(cache, key)).toBe(true);
      now += 2;
      expect(await has(cache, key)).toBe(false);
      expect(await expire(cache, key, 10)).toBe(false);
      await put(cache, key, 2, 10);
      expect(await expire(cache, key, 100)).toBe(true);
      now += 50_000;
      expect(await get<number>(cache, key)).toBe(2);
      now += 51_000;
      expect(await has(cache, key)).toBe(false);
    });

    test("are removed by tag, those of the tag and no other [rows 83 and 85]", async () => {
      const tagged = (organizationId: string, tag: string, args: number) => ({ organizationId, tag, args });
      const all = [tagged(A, "red", 1), tagged(A, "red", 2), tagged(A, "blue", 1), tagged(B, "red", 1)];
      const plain = { organizationId: A, args: 1 };
      for (const [index, key] of [...all, plain].entries())
        expect(await put(cache, key, index, 60)).toBe(true);
      expect(await removeTag(cache, A, "red")).toBe(true);
      const left = await Promise.all([...all, plain].map((key) => get<number>(cache, key)));
      expect(left).toEqual([null, null, 2, 3, 4]);
      await put(cache, tagged(A, "red", 1), "again", 60);
      expect(await get<string>(cache, tagged(A, "red", 1))).toBe("again");
      expect(await get(cache, tagged(A, "red", 2))).toBeNull();
    });

    test("counters count, also for many at once, and begin again after their time [row 85]", async () => {
      const key = { organizationId: A, args: `visits ${now}` };
      const sums = await Promise.all(Array.from({ length: 100 }, () => increment(cache, key, 60)));
      expect(sums.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
      expect(await increment(cache, key, 60, 10)).toBe(110);
      expect(await increment(cache, { ...key, organizationId: B }, 60)).toBe(1);
    });

    test("of different organizations and arguments never meet, and need an organization [row 86]", async () => {
      await put(cache, { organizationId: A, args: 1 }, "a", 60);
      await put(cache, { organizationId: B, args: 1 }, "b", 60);
      await put(cache, { organizationId: A, args: "1" }, "text", 60);
      expect(await get<string>(cache, { organizationId: A, args: 1 })).toBe("a");
      expect(await get<string>(cache, { organizationId: B, args: 1 })).toBe("b");
      expect(await get<string>(cache, { organizationId: A, args: "1" })).toBe("text");
      expect(put(cache, { organizationId: "", args: 1 }, 1, 60)).rejects.toThrow("organization");
      expect(increment(cache, { organizationId: "*", args: 1 }, 60)).rejects.toThrow("organization");
    });
  });
}

test("a counter in the process ends at its time", async () => {
  const cache = await open(null);
  const key = { organizationId: A, args: "ends" };
  expect(await increment(cache, key, 10)).toBe(1);
  now += 9_000;
  expect(await increment(cache, key, 10)).toBe(2);
  now += 2_000;
  expect(await increment(cache, key, 10)).toBe(1);
});

test("everything in Redis has an end, counters and tags included", async () => {
  const cache = await open(redis.url);
  await redis.send("FLUSHALL");
  await put(cache, { organizationId: A, args: 1, tag: "t" }, 1, 60);
  await increment(cache, { organizationId: A, args: 1 }, 60);
  await increment(cache, { organizationId: A, args: 1 }, 60);
  const names = (await redis.send("KEYS", "*")) as string[];
  expect(names).toHaveLength(3);
  for (const name of names) expect(Number(await redis.send("PTTL", name))).toBeGreaterThan(0);
  await cache.close();
});

test("two nodes on one Redis see the same entries, and a removal on one is one on both", async () => {
  const [one, two] = [await open(redis.url), await open(redis.url)];
  const key = { organizationId: A, args: "shared", tag: "t" };
  await put(one, key, "value", 60);
  expect(await get<string>(two, key)).toBe("value");
  await removeTag(two, A, "t");
  expect(await get(one, key)).toBeNull();
  await one.close();
  await two.close();
});

test("a forged entry is none, and without Redis nothing throws [row 87]", async () => {
  const cache = await open(redis.url);
  const key = { organizationId: A, args: "forged" };
  await redis.send("FLUSHALL");
  await put(cache, key, "ours", 60);
  const [name = ""] = (await redis.send("KEYS", "*")) as string[];
  await redis.send("SET", name, String(await redis.send("GET", name)).replace("ours", "evil"));
  expect(await get(cache, key)).toBeNull();
  await redis.kill();
  expect(await put(cache, key, 1, 60)).toBe(false);
  expect(await get(cache, key)).toBeNull();
  expect(await has(cache, key)).toBe(false);
  expect(await remove(cache, key)).toBe(false);
  expect(await expire(cache, key, 60)).toBe(false);
  expect(await removeTag(cache, A, "t")).toBe(false);
  expect(await increment(cache, key, 60)).toBeNull();
  await cache.close();
});
