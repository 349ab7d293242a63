import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Cache, type CacheKey, type CacheOptions, cached, openCache } from "../../src/cache.ts";
import { newSecret, openKeys } from "../../src/keys.ts";
import { silentLog } from "../../src/log.ts";
import { best } from "../support/best.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";

const secret = newSecret();
const A = Bun.randomUUIDv7();
const B = Bun.randomUUIDv7();

let redis: TestRedis;
let opened: Cache[] = [];

beforeEach(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  for (const cache of opened) await cache.close();
  opened = [];
  redis.resume();
  await redis.close();
});

async function node(changes: Partial<CacheOptions> = {}): Promise<Cache> {
  const cache = await openCache({
    redisUrl: redis.url,
    entries: 1000,
    ttlSeconds: 300,
    release: "test",
    keys: openKeys([secret]),
    log: silentLog,
    ...changes,
  });
  opened.push(cache);
  return cache;
}

const keyOf = (changes: Partial<CacheKey> = {}): CacheKey => ({
  organizationId: A,
  visibility: "student",
  topic: "contents",
  generation: 1,
  args: { read: "contents.get", id: 1 },
  ...changes,
});

function loader<T>(value: T) {
  const load = async (): Promise<T> => {
    load.count++;
    await Promise.resolve();
    return value;
  };
  load.count = 0;
  return load;
}

/** Waits until Redis holds so many values. Leases are not values. */
async function stored(count: number): Promise<readonly string[]> {
  for (;;) {
    const names = (await redis.send("KEYS", "*")) as string[];
    const values = names.filter((name) => !name.endsWith(":lease"));
    if (values.length === count && names.length === count) return values;
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(5);
}

/** Reads `count` times, a few at once, and gives the times in milliseconds, sorted. */
async function timed(cache: Cache, count: number, from = 0): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i += 10) {
    await Promise.all(
      Array.from({ length: 10 }, async (_, j) => {
        const id = from + i + j;
        const start = performance.now();
        expect(await cached(cache, keyOf({ args: id }), async () => id)).toBe(id);
        times.push(performance.now() - start);
      }),
    );
  }
  return times.sort((a, b) => a - b);
}

const p99 = (times: readonly number[]) => times[Math.floor(times.length * 0.99)] ?? Number.NaN;

describe("two nodes on one Redis", () => {
  test("what one has loaded the other finds, dates and all [row 82]", async () => {
    const [one, two] = [await node(), await node()];
    const row = { title: "~Loops", at: new Date(1234), tags: ["é", null], meta: { __proto__x: 1 } };
    await cached(one, keyOf(), async () => row);
    await stored(1);
    const load = loader(row);
    const hit = await cached(two, keyOf(), load);
    expect(load.count).toBe(0);
    expect(hit).toEqual(row);
    expect(hit.at).toBeInstanceOf(Date);
    expect(() => hit.at.setTime(1)).toThrow(TypeError);
    expect(two.stats()).toMatchObject({ sharedHits: 1, misses: 0 });
  });

  test("1,000 concurrent misses on both load once each at most, and once in all while the budget lasts [row 81]", async () => {
    const [one, two] = [await node(), await node()];
    const round = async (args: number): Promise<number> => {
      const gate = Promise.withResolvers<void>();
      let loads = 0;
      const load = async () => {
        loads++;
        await gate.promise;
        return "value";
      };
      const reads = Array.from({ length: 1000 }, (_, i) =>
        cached(i % 2 === 0 ? one : two, keyOf({ args }), load),
      );
      await until(() => loads > 0);
      gate.resolve();
      expect(new Set(await Promise.all(reads))).toEqual(new Set(["value"]));
      expect(loads).toBeLessThanOrEqual(2);
      return loads;
    };
    // On a busy machine a round may outlast the budget of the node that waits.
    let rounds = 0;
    await until(async () => (await round(rounds++)) === 1);
  });

  test("a node that died with the lease in its hand delays nobody by more than the budget", async () => {
    const [one, two] = [await node(), await node()];
    const delay = await best(110, async (round) => {
      const key = keyOf({ args: round });
      let loading = false;
      void cached(one, key, () => {
        loading = true;
        return new Promise<string>(() => {});
      });
      await until(() => loading);
      const start = performance.now();
      expect(await cached(two, key, async () => "value")).toBe("value");
      return performance.now() - start;
    });
    expect(delay).toBeLessThan(110);
  });

  test("a value found in Redis lives no longer than it was given when it was loaded [row 81]", async () => {
    let now = Date.now();
    const [one, two] = [await node({ now: () => now }), await node({ now: () => now })];
    await cached(one, keyOf(), loader(1), 100);
    await stored(1);
    now += 80_000;
    await cached(two, keyOf(), loader(2), 100);
    expect(two.stats().sharedHits).toBe(1);
    now += 21_000;
    expect(await cached(two, keyOf(), loader(3), 100)).toBe(3);
  });

  test("organizations, views, generations, arguments and releases never share a value [row 86]", async () => {
    const one = await node();
    const keys = [
      keyOf(),
      keyOf({ organizationId: B }),
      keyOf({ visibility: "teacher" }),
      keyOf({ topic: "users" }),
      keyOf({ generation: 2 }),
      keyOf({ args: { read: "contents.get", id: "1" } }),
    ];
    for (const [index, key] of keys.entries()) await cached(one, key, loader(index));
    const names = await stored(keys.length);
    expect(names.every((name) => name.includes(A) !== name.includes(B))).toBe(true);
    const two = await node();
    for (const [index, key] of keys.entries()) expect(await cached(two, key, loader(-1))).toBe(index);
    const newer = await node({ release: "test-2" });
    expect(await cached(newer, keyOf(), loader("newer"))).toBe("newer");
  });

  test("every value in Redis has an end, and so has every lease", async () => {
    const one = await node();
    await cached(one, keyOf(), loader(1), 60);
    const [name = ""] = await stored(1);
    const left = Number(await redis.send("PTTL", name));
    expect(left).toBeGreaterThan(50_000);
    expect(left).toBeLessThanOrEqual(60_000);
    void cached(one, keyOf({ args: 2 }), () => new Promise<number>(() => {}));
    await until(async () => ((await redis.send("KEYS", "*:lease")) as string[]).length === 1);
    const [lease = ""] = (await redis.send("KEYS", "*:lease")) as string[];
    expect(Number(await redis.send("PTTL", lease))).toBeGreaterThan(0);
  });
});

describe("a lying Redis [row 87]", () => {
  const POISON: readonly (readonly [string, (value: string, foreign: string) => readonly string[]])[] = [
    ["nonsense", () => ["SET", "nonsense"]],
    ["an empty string", () => ["SET", ""]],
    ["valid JSON without an envelope", () => ["SET", '{"title":"forged"}']],
    ["the value of another organization", (_, foreign) => ["SET", foreign]],
    ["a changed text under the old MAC", (value) => ["SET", value.replace("true", "fake")]],
    ["a later end under the old MAC", (value) => ["SET", value.replace(/^[^.]+/, "zzzzzzzz")]],
    ["a MAC cut short", (value) => ["SET", value.replace(/\.[^.]+\./, ".AA.")]],
    ["a text cut short", (value) => ["SET", value.slice(0, -3)]],
    ["a megabyte of dots", () => ["SET", ".".repeat(1_000_000)]],
    ["another type", () => ["LPUSH", "x"]],
  ];
  for (const [name, make] of POISON) {
    test(`${name} is a miss, counted, and replaced [row 87]`, async () => {
      const one = await node();
      await cached(one, keyOf(), loader({ ours: "true" }));
      await cached(one, keyOf({ organizationId: B }), loader({ foreign: "true" }));
      const names = await stored(2);
      const own = names.find((key) => key.includes(A)) ?? "";
      const other = names.find((key) => key.includes(B)) ?? "";
      const [command = "", text = ""] = make(
        String(await redis.send("GET", own)),
        String(await redis.send("GET", other)),
      );
      await redis.send("DEL", own);
      await redis.send(command, own, text);
      const two = await node();
      const load = loader({ ours: "true" });
      expect(await cached(two, keyOf(), load)).toEqual({ ours: "true" });
      expect(load.count).toBe(1);
      const { poisoned, redisErrors } = two.stats();
      expect(poisoned + redisErrors).toBe(text === "" ? 0 : 1);
      await until(async () => String(await redis.send("TYPE", own)) === "string");
      const three = await node();
      await until(async () => {
        await cached(three, keyOf(), loader({ ours: "true" }));
        return three.stats().localHits > 0;
      });
    });
  }

  test("a value made with a retired secret is a miss; one made with a secret being rotated out is a hit", async () => {
    const old = await node({ keys: openKeys([secret]) });
    await cached(old, keyOf(), loader("old"));
    await stored(1);
    const rotating = await node({ keys: openKeys([newSecret(), secret]) });
    expect(await cached(rotating, keyOf(), loader("loaded"))).toBe("old");
    const retired = await node({ keys: openKeys([newSecret()]) });
    expect(await cached(retired, keyOf(), loader("loaded"))).toBe("loaded");
  });
});

describe("a Redis in trouble [row 87]", () => {
  test("hung: every read gets its value within the budget, and the breaker makes it cheap [row 87]", async () => {
    let cache = await node();
    let cheap = Number.POSITIVE_INFINITY;
    let slowest = Number.POSITIVE_INFINITY;
    const slower = await best(60, async () => {
      redis.resume();
      cache = await node();
      const healthy = p99(await timed(cache, 200));
      redis.pause();
      // So few that those who wait for the breaker to open are more than one in a hundred.
      const first = await timed(cache, 200, 1000);
      const later = await timed(cache, 800, 1200);
      cheap = Math.min(cheap, later[700] ?? Number.NaN);
      slowest = Math.min(slowest, Math.max(first.at(-1) ?? Number.NaN, later.at(-1) ?? Number.NaN));
      return p99(first) - healthy;
    });
    expect(slower).toBeLessThan(60);
    expect(cheap).toBeLessThan(20);
    // The very last of a thousand waits for the processor as well, but for nothing else.
    expect(slowest).toBeLessThan(200);
    const { breaker, redisTimeouts } = cache.stats();
    expect(breaker).toBe("open");
    expect(redisTimeouts).toBeGreaterThanOrEqual(3);
    expect((await cache.check()).redis).toBe("down");
    // One caller in a second tries; nobody else waits for it.
    await until(() => cache.stats().breaker === "half_open");
    const probes = await timed(cache, 20, 5000);
    expect(probes.filter((time) => time > 30).length).toBeLessThanOrEqual(1);
    redis.resume();
    await until(async () => {
      await cached(cache, keyOf({ args: Math.random() }), loader(1));
      return cache.stats().breaker === "closed";
    });
    expect((await cache.check()).redis).toBe("ok");
  });

  test("killed and back again: no read fails, and it is used again by itself [row 87]", async () => {
    const cache = await node();
    await timed(cache, 20);
    await redis.kill();
    const slowest = await best(
      60,
      async (round) => (await timed(cache, 500, 1000 * (round + 1))).at(-1) ?? Number.NaN,
    );
    expect(slowest).toBeLessThan(60);
    expect((await cache.check()).redis).toBe("down");
    await redis.restart();
    await until(async () => {
      await cached(cache, keyOf({ args: Math.random() }), loader(1));
      return cache.stats().breaker === "closed" && (await cache.check()).redis === "ok";
    });
    await cached(cache, keyOf({ args: "after" }), loader("after"));
    await until(async () => ((await redis.send("KEYS", "*")) as string[]).length > 0);
  });

  test("absent when the program starts: it starts, works, and connects later [row 87]", async () => {
    await redis.kill();
    const cache = await node();
    expect(await cached(cache, keyOf(), loader("value"))).toBe("value");
    await redis.restart();
    await until(async () => (await cache.check()).redis === "ok");
  });

  test("hung when the program starts: it starts within a second and works [row 87]", async () => {
    redis.pause();
    const start = performance.now();
    const cache = await node();
    expect(await cached(cache, keyOf(), loader("value"))).toBe("value");
    expect(performance.now() - start).toBeLessThan(1000);
    redis.resume();
    await until(async () => (await cache.check()).redis === "ok");
  });

  test("full: reads load, what is there is still found, and the breaker stays closed [row 87]", async () => {
    const cache = await node();
    await cached(cache, keyOf({ args: "before" }), loader("before"));
    await stored(1);
    await redis.send("CONFIG", "SET", "maxmemory-policy", "noeviction");
    await redis.send("CONFIG", "SET", "maxmemory", "1");
    const slowest = await best(
      60,
      async (round) => (await timed(cache, 100, 1000 * (round + 1))).at(-1) ?? Number.NaN,
    );
    expect(slowest).toBeLessThan(60);
    const { breaker, redisErrors, redisTimeouts } = cache.stats();
    // What it refuses opens no breaker; what a busy machine does not answer in time may.
    expect(breaker === "closed" || redisTimeouts >= 3).toBe(true);
    expect(redisErrors).toBeGreaterThan(0);
    const two = await node();
    expect(await cached(two, keyOf({ args: "before" }), loader("loaded"))).toBe("before");
  });

  test("slow: no read takes longer than the budget [row 87]", async () => {
    const cache = await node();
    // One long command after the other: what is asked in between waits for tens of milliseconds.
    const stop = new AbortController();
    const busy = (async () => {
      while (!stop.signal.aborted) await redis.send("EVAL", "for i = 1, 3e7 do end", "0");
    })();
    const slowest = await best(80, async (round) => p99(await timed(cache, 300, 1000 * round)));
    stop.abort();
    await busy;
    expect(slowest).toBeLessThan(80);
    expect(cache.stats().redisTimeouts).toBeGreaterThan(0);
  });

  test("closed: reads go on without it [row 87]", async () => {
    const cache = await node();
    await cache.close();
    expect(await cached(cache, keyOf(), loader("value"))).toBe("value");
  });

  test("one connection serves any number of readers [row 87]", async () => {
    const cache = await node();
    await timed(cache, 500);
    const clients = String(await redis.send("CLIENT", "LIST"))
      .trim()
      .split("\n");
    // Ours, and the one that asks.
    expect(clients.length).toBe(2);
  });
});
