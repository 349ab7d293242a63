import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Topic } from "../../src/actor.ts";
import { type Cache, type CacheKey, type CacheOptions, cached, openCache } from "../../src/cache.ts";
import { newSecret, openKeys } from "../../src/keys.ts";
import { silentLog } from "../../src/log.ts";

const keys = openKeys([newSecret()]);
const A = Bun.randomUUIDv7();
const B = Bun.randomUUIDv7();

const options: CacheOptions = {
  redisUrl: null,
  entries: 1000,
  ttlSeconds: 300,
  release: "test",
  keys,
  log: silentLog,
};

const keyOf = (changes: Partial<CacheKey> = {}): CacheKey => ({
  organizationId: A,
  visibility: "student",
  topic: "contents",
  generation: 1,
  args: { read: "contents.get", id: 1 },
  ...changes,
});

/** A loader that counts how often it ran. */
function loader<T>(value: T) {
  const load = async (): Promise<T> => {
    load.count++;
    await Promise.resolve();
    return value;
  };
  load.count = 0;
  return load;
}

let cache: Cache;
beforeAll(async () => {
  cache = await openCache(options);
});
afterAll(() => cache.close());

describe("a cached read", () => {
  test("runs its loader once for 1,000 concurrent misses and never again until its time is over [row 81]", async () => {
    let now = 1_000_000;
    const timed = await openCache({ ...options, now: () => now });
    const load = loader({ title: "Loops" });
    const answers = await Promise.all(Array.from({ length: 1000 }, () => cached(timed, keyOf(), load)));
    expect(load.count).toBe(1);
    expect(new Set(answers).size).toBe(1);
    now += 269_000;
    expect(await cached(timed, keyOf(), load)).toEqual({ title: "Loops" });
    expect(load.count).toBe(1);
    now += 31_000;
    await cached(timed, keyOf(), load);
    expect(load.count).toBe(2);
    expect(timed.stats()).toMatchObject({ misses: 2, coalesced: 999, localHits: 1 });
  });

  test("may live shorter than the default, and never longer than it was given [row 81]", async () => {
    let now = 0;
    const timed = await openCache({ ...options, now: () => now });
    const load = loader(1);
    await cached(timed, keyOf(), load, 10);
    now = 8_999;
    await cached(timed, keyOf(), load, 10);
    expect(load.count).toBe(1);
    now = 10_000;
    await cached(timed, keyOf(), load, 10);
    expect(load.count).toBe(2);
  });

  test("a failed load reaches every caller, is not kept, and is tried again", async () => {
    let failures = 0;
    const fail = async (): Promise<number> => {
      failures++;
      throw new Error("the database is away");
    };
    const key = keyOf({ args: "failing" });
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => cached(cache, key, fail)));
    expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
    expect(failures).toBe(1);
    expect(await cached(cache, key, loader(7))).toBe(7);
  });

  test("null and other empty values are values, not misses", async () => {
    for (const value of [null, 0, "", false, []]) {
      const load = loader(value);
      const key = keyOf({ args: ["empty", value] });
      await cached(cache, key, load);
      expect(await cached(cache, key, load)).toEqual(value);
      expect(load.count).toBe(1);
    }
  });

  test("is the same frozen value for all who ask, so no caller can alter another's [row 82]", async () => {
    const key = keyOf({ args: "frozen" });
    const row = await cached(cache, key, async () => ({ tags: ["a"], at: new Date(9) }));
    expect(() => row.tags.push("b")).toThrow(TypeError);
    expect(() => row.at.setTime(0)).toThrow(TypeError);
    expect(await cached(cache, key, loader({ tags: [""], at: new Date() }))).toEqual({
      tags: ["a"],
      at: new Date(9),
    });
  });

  test("a value that is larger than 256 KiB is loaded each time and never kept", async () => {
    const load = loader("x".repeat(256 * 1024 + 1));
    const key = keyOf({ args: "large" });
    await cached(cache, key, load);
    expect(await cached(cache, key, load)).toHaveLength(256 * 1024 + 1);
    expect(load.count).toBe(2);
  });

  test("what cannot be cached does not compile", () => {
    const never = async () => {
      // @ts-expect-error: a bigint
      await cached(cache, keyOf(), async () => ({ n: 1n }));
      // @ts-expect-error: a map
      await cached(cache, keyOf(), async () => new Map<string, string>());
      // @ts-expect-error: a function, deep down
      await cached(cache, keyOf(), async () => [{ a: { f: () => 1 } }]);
      // @ts-expect-error: bytes
      await cached(cache, keyOf(), async () => new Uint8Array(1));
    };
    expect(never).toBeFunction();
  });
});

describe("a key", () => {
  test("organizations, views, topics, generations and arguments never share a value [row 86]", async () => {
    const args: unknown[] = [{ id: 1 }, { id: "1" }, { id: [1] }, { id: null }, { id: 1, page: 2 }, "id:1"];
    const combinations = [A, B].flatMap((organizationId) =>
      ["student", "teacher"].flatMap((visibility) =>
        (["contents", "users"] satisfies Topic[]).flatMap((topic) =>
          [1, 2, 12].flatMap((generation) =>
            args.map((arg): CacheKey => ({ organizationId, visibility, topic, generation, args: arg })),
          ),
        ),
      ),
    );
    const fresh = await openCache(options);
    for (const [index, key] of combinations.entries()) await cached(fresh, key, loader(index));
    for (const [index, key] of combinations.entries()) {
      expect(await cached(fresh, key, loader(-1))).toBe(index);
    }
    expect(fresh.stats()).toMatchObject({ entries: combinations.length, misses: combinations.length });
  });

  test("a key without an organization is refused [row 86]", () => {
    for (const organizationId of ["", "*", "undefined", `${A}:${B}`, A.toUpperCase()]) {
      expect(cached(cache, keyOf({ organizationId }), loader(1))).rejects.toThrow(
        "the id of an organization",
      );
    }
    expect(cached(cache, keyOf({ visibility: "a:b" }), loader(1))).rejects.toThrow("visibility");
    expect(cached(cache, keyOf({ generation: Number.NaN }), loader(1))).rejects.toThrow("generation");
  });

  test("a new generation clears its organization and topic, and only those [row 83]", async () => {
    const fresh = await openCache(options);
    const others: CacheKey[] = [
      keyOf({ organizationId: B }),
      keyOf({ topic: "users" }),
      keyOf({ topic: "organization" }),
    ];
    const all = [keyOf(), ...others];
    const loads = all.map((_, index) => loader(index));
    const readAll = (generation: number) =>
      Promise.all(
        all.map((key, i) => cached(fresh, i === 0 ? { ...key, generation } : key, loads[i] ?? loader(-1))),
      );
    await readAll(1);
    await readAll(2);
    await readAll(2);
    expect(loads.map(({ count }) => count)).toEqual([2, 1, 1, 1]);
  });
});

describe("the bounds", () => {
  test("the least recently used values go first, and no more are kept than allowed", async () => {
    const small = await openCache({ ...options, entries: 3 });
    const read = (id: number) => cached(small, keyOf({ args: id }), loader(id));
    for (const id of [1, 2, 3]) await read(id);
    await read(1);
    await read(4);
    expect(small.stats()).toMatchObject({ entries: 3, evictions: 1 });
    const load = loader(2);
    await cached(small, keyOf({ args: 1 }), load);
    await cached(small, keyOf({ args: 3 }), load);
    await cached(small, keyOf({ args: 4 }), load);
    expect(load.count).toBe(0);
    await cached(small, keyOf({ args: 2 }), load);
    expect(load.count).toBe(1);
  });

  test("bytes are bounded too, and counted down to nothing", async () => {
    const small = await openCache({ ...options, bytes: 100_000 });
    for (let id = 0; id < 50; id++) {
      await cached(small, keyOf({ args: id }), loader("x".repeat(10_000)));
      expect(small.stats().bytes).toBeLessThanOrEqual(100_000);
    }
    expect(small.stats().entries).toBe(9);
  });

  test("with no entries the cache is off: every read loads, and still gives the same kind of value", async () => {
    const off = await openCache({ ...options, entries: 0 });
    const load = loader({ at: new Date(1) });
    await cached(off, keyOf(), load);
    const row = await cached(off, keyOf(), load);
    expect(load.count).toBe(2);
    expect(Object.isFrozen(row)).toBe(true);
    expect(off.stats()).toMatchObject({ entries: 0, misses: 2, breaker: "off" });
    expect(await off.check()).toEqual({ redis: "off", milliseconds: null });
  });

  test("over 80 % of the common reads of a realistic load are hits, and that can be measured [row 88]", async () => {
    // Lessons of a term, a few read far more often than the rest; 3,000 pupils read what one teacher edits.
    const fresh = await openCache(options);
    let generation = 1;
    let seed = 42;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed / 2_147_483_648;
    };
    for (let i = 0; i < 30_000; i++) {
      if (i % 3000 === 2999) generation++;
      const id = Math.floor(400 ** random());
      await cached(fresh, keyOf({ generation, args: { read: "contents.get", id } }), loader(id));
    }
    const { localHits, misses } = fresh.stats();
    expect(localHits + misses).toBe(30_000);
    expect(localHits / 30_000).toBeGreaterThan(0.8);
  });
});
