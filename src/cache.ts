/**
 * The cache: a bounded map in the process and, when configured, Redis shared by all nodes. The only importer of
 * `redis`.
 *
 * What may be cached is a read whose truth is a **generation** in PostgreSQL, bumped last in the writing transaction
 * and read together with the session of every request. The generation is part of the key, so a committed write moves
 * every later reader to another key: nothing is deleted and nothing can be stale. (Deleting after the commit served
 * 2.7 % stale reads under load, and leaves the old value for good when the writer dies in between.)
 *
 * Sessions, permissions, guards, idempotency and audit are never cached. Redis may be down, slow, full or lying: it
 * costs a read at most `REDIS_BUDGET_MS` and never an error.
 */
import { timingSafeEqual } from "node:crypto";
import { createClient, ErrorReply } from "redis";
import type { Topic } from "./actor.ts";
import { canonical, decode, encode, type Frozen, freeze, type OnlyCacheable } from "./cacheable.ts";
import { insideTransaction } from "./db.ts";
import type { Keys } from "./keys.ts";
import type { Log } from "./log.ts";

/** All the time that Redis may cost one read, in milliseconds. */
const REDIS_BUDGET_MS = 50;
/** After so many failures in a row Redis is left alone for a while; then one caller may try. */
const BREAKER_FAILURES = 3;
const BREAKER_OPEN_MS = 1000;
/** A value with a longer text is loaded anew each time. */
const MAX_VALUE_BYTES = 256 * 1024;
/** How long one node keeps the others from loading the same value. They wait within the budget, then load too. */
const LEASE_MS = 2000;
const LEASE_POLL_MS = 10;
/** Readers of this process that may wait for another node at once. */
const MAX_WAITERS = 100;
/** Writes to Redis under way at once; one more is left out. */
const MAX_WRITES = 64;
const DEFAULT_BYTES = 64 * 1024 * 1024;

/** What a cached read is about. Two reads share a value only when all five are equal. */
export interface CacheKey {
  readonly organizationId: string;
  /** Whose view it is: the role or scope by which what is visible differs, such as `teacher` or `published`. */
  readonly visibility: string;
  readonly topic: Topic;
  /** Of the topic, from `actor.generations`. */
  readonly generation: number;
  /** Names the read and everything it depends on: `{ read: "contents.get", contentId }`. */
  readonly args: unknown;
}

export interface CacheOptions {
  readonly redisUrl: string | null;
  /** Values kept in the process. 0 turns the whole cache off. */
  readonly entries: number;
  readonly ttlSeconds: number;
  /** Of the program. Releases share no value: the shape of a row may differ between them. */
  readonly release: string;
  readonly keys: Keys;
  readonly log: Log;
  /** Bytes of values kept in the process. 64 MiB by default. */
  readonly bytes?: number;
  /** The clock by which values grow old, in milliseconds since 1970. */
  readonly now?: () => number;
}

export interface CacheStats {
  readonly entries: number;
  readonly bytes: number;
  readonly localHits: number;
  readonly sharedHits: number;
  /** Reads that found nothing and ran their loader. */
  readonly misses: number;
  /** Reads that were served by another's loader. */
  readonly coalesced: number;
  readonly evictions: number;
  /** Values too large to keep. */
  readonly oversize: number;
  /** Commands that Redis refused. */
  readonly redisErrors: number;
  /** Commands that Redis did not answer in time, or not at all. */
  readonly redisTimeouts: number;
  /** Values from Redis that were not written by us under their key. */
  readonly poisoned: number;
  readonly breaker: "off" | "closed" | "open" | "half_open";
}

export interface CacheHealth {
  readonly redis: "off" | "ok" | "down";
  /** What a ping took; null when it was not answered. */
  readonly milliseconds: number | null;
}

export interface Cache {
  /** Counters since the start, for metrics. */
  stats(): CacheStats;
  /** Pings Redis, within the budget. Never throws. */
  check(): Promise<CacheHealth>;
  /** Closes the connection to Redis. Reads after it run their loaders. */
  close(): Promise<void>;
  readonly [internals]: Internals;
}

const internals = Symbol("cache");

interface Internals {
  readonly options: CacheOptions;
  readonly local: Lru;
  /** Single entries (src/entries.ts), where there is no Redis. */
  readonly singles: Lru;
  /** Loaders under way in this process, by key. */
  readonly flights: Map<string, Promise<unknown>>;
  readonly remote: Remote | null;
  readonly counts: {
    localHits: number;
    sharedHits: number;
    misses: number;
    coalesced: number;
    oversize: number;
    poisoned: number;
    waiting: number;
    writing: number;
  };
}

/**
 * Opens the cache. Redis that cannot be reached does not delay or prevent this: the connection is made as soon as it
 * can be.
 */
export async function openCache(options: CacheOptions): Promise<Cache> {
  const openMap = () => openLru(options.entries, options.bytes ?? DEFAULT_BYTES, options.now ?? Date.now);
  const local = openMap();
  const remote = options.redisUrl === null ? null : await openRemote(options.redisUrl, options.log);
  const counts = {
    localHits: 0,
    sharedHits: 0,
    misses: 0,
    coalesced: 0,
    oversize: 0,
    poisoned: 0,
    waiting: 0,
    writing: 0,
  };
  return {
    [internals]: { options, local, singles: openMap(), flights: new Map(), remote, counts },
    stats: () => ({
      ...local.stats(),
      localHits: counts.localHits,
      sharedHits: counts.sharedHits,
      misses: counts.misses,
      coalesced: counts.coalesced,
      oversize: counts.oversize,
      poisoned: counts.poisoned,
      redisErrors: remote?.errors ?? 0,
      redisTimeouts: remote?.timeouts ?? 0,
      breaker: remote === null ? "off" : breakerOf(remote),
    }),
    check: async () => {
      if (remote === null) return { redis: "off", milliseconds: null };
      const start = performance.now();
      const pong = await within(REDIS_BUDGET_MS, remote.client.ping()).catch(() => null);
      if (pong !== "PONG") return { redis: "down", milliseconds: null };
      return { redis: "ok", milliseconds: performance.now() - start };
    },
    close: async () => {
      remote?.client.destroy();
    },
  };
}

/**
 * The value of a read: from the process, else from Redis, else from `load`, which runs once however many callers ask
 * at the same time. What it gives is frozen, and the same whether it was loaded or found.
 *
 * Throws what `load` throws (nothing is kept then), a TypeError when the key names no organization or the value holds
 * anything but JSON and dates, and an Error inside a transaction, which must not wait for Redis.
 */
export async function cached<T>(
  cache: Cache,
  key: CacheKey,
  load: (() => Promise<T>) & OnlyCacheable<T>,
  ttlSeconds: number = cache[internals].options.ttlSeconds,
): Promise<T> {
  const { options, local, flights, counts } = cache[internals];
  if (insideTransaction()) throw new Error("a cached read was asked for inside a transaction");
  const id = idOf(options.release, key);
  if (options.entries === 0) {
    counts.misses++;
    return freeze(await load()).value as T;
  }
  const kept = local.get(id);
  if (kept !== undefined) {
    counts.localHits++;
    return kept.frozen.value as T;
  }
  const underway = flights.get(id);
  if (underway !== undefined) {
    counts.coalesced++;
    return underway as Promise<T>;
  }
  const flight = fill(cache[internals], id, load, ttlSeconds * 1000).finally(() => flights.delete(id));
  flights.set(id, flight);
  return flight as Promise<T>;
}

async function fill(
  { options, local, remote, counts }: Internals,
  id: string,
  load: () => Promise<unknown>,
  ttlMs: number,
): Promise<unknown> {
  const now = options.now ?? Date.now;
  // Values that were loaded together must not grow old together.
  const expires = now() + ttlMs * (0.9 + Math.random() * 0.1);
  const until = performance.now() + REDIS_BUDGET_MS;

  const read = async (client: Client): Promise<Entry | null> => {
    const text = await readText(client, id);
    if (text === null) return null;
    const found = unseal(options.keys, id, text, now());
    if (found === null) counts.poisoned++;
    return found;
  };
  const take = (found: Entry): unknown => {
    counts.sharedHits++;
    local.set(id, found.frozen, Math.min(found.expires, expires));
    return found.frozen.value;
  };

  const lease = `${id}:lease`;
  let leased = false;
  if (remote !== null) {
    const found = await ask(remote, until, read);
    if (found !== undefined && found !== null) return take(found);
    // Undefined is no answer: whoever cannot reach Redis does not wait for those who can.
    if (found === null) {
      const got = await ask(remote, until, (client) =>
        client.set(lease, "1", { expiration: { type: "PX", value: LEASE_MS }, condition: "NX" }),
      );
      leased = got === "OK";
      if (got === null && counts.waiting < MAX_WAITERS) {
        counts.waiting++;
        const awaited = await poll(remote, until, read).finally(() => counts.waiting--);
        if (awaited) return take(awaited);
      }
    }
  }

  counts.misses++;
  let text: string | null = null;
  try {
    const frozen = freeze(await load());
    if (frozen.bytes > MAX_VALUE_BYTES) {
      counts.oversize++;
    } else {
      local.set(id, frozen, expires);
      if (remote !== null) text = seal(options.keys, id, expires, encode(frozen.value));
    }
    return frozen.value;
  } finally {
    const writes: ((client: Client) => Promise<unknown>)[] = [];
    const value = text;
    if (value !== null && value.length <= MAX_VALUE_BYTES) {
      const expiration = { type: "PX", value: Math.max(1, Math.round(expires - now())) } as const;
      writes.push((client) => client.set(id, value, { expiration }));
    }
    if (leased) writes.push((client) => client.del(lease));
    if (remote !== null && writes.length > 0 && counts.writing < MAX_WRITES) {
      counts.writing++;
      // Not awaited: the caller has its value.
      void ask(remote, performance.now() + REDIS_BUDGET_MS, (client) =>
        Promise.all(writes.map((write) => write(client))),
      ).finally(() => counts.writing--);
    }
  }
}

/** Waits for the node that holds the lease to write the value, at most until the budget is spent. */
async function poll(
  remote: Remote,
  until: number,
  read: (client: Client) => Promise<Entry | null>,
): Promise<Entry | null> {
  while (performance.now() + LEASE_POLL_MS < until) {
    await Bun.sleep(LEASE_POLL_MS);
    const found = await ask(remote, until, read);
    if (found !== null) return found ?? null;
  }
  return null;
}

/** Not GET: a value that somebody else put there may be of any size. */
async function readText(client: Client, id: string): Promise<string | null> {
  const text = await client.getRange(id, 0, MAX_VALUE_BYTES + ENVELOPE_BYTES);
  return text === null || text === "" ? null : text;
}

/** The key, as text. Throws when a part is missing: a key without an organization would be shared by all. */
function idOf(release: string, { organizationId, visibility, topic, generation, args }: CacheKey): string {
  const prefix = prefixOf(release, organizationId);
  if (!/^[\w.,-]+$/.test(visibility))
    throw new TypeError("a cache key needs a visibility of word characters");
  if (!Number.isSafeInteger(generation)) throw new TypeError("a cache key needs a whole generation");
  const hash = Bun.CryptoHasher.hash("sha256", canonical(args), "base64url");
  return `${prefix}:${visibility}:${topic}:${generation}:${hash}`;
}

/** What every key of an organization begins with. Throws a TypeError when that is no organization's id. */
function prefixOf(release: string, organizationId: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(organizationId)) {
    throw new TypeError("a cache key needs the id of an organization");
  }
  return `satchel:${release}:${organizationId}`;
}

// What Redis holds: when it ends, a MAC over the key, the end and the text, and the text. Who can write to Redis can
// neither forge a value nor put one under another key.

const ENVELOPE_BYTES = 100;

/** Closes a text under its name. */
export function seal(keys: Keys, id: string, expires: number, text: string): string {
  const end = Math.round(expires).toString(36);
  return `${end}.${Buffer.from(keys.mac("cache", id, end, text)).toString("base64url")}.${text}`;
}

/** The value in an envelope, or null when it is not ours or its time is over. */
export function unseal(keys: Keys, id: string, envelope: string, now: number): Entry | null {
  const first = envelope.indexOf(".");
  const second = envelope.indexOf(".", first + 1);
  if (first < 0 || second < 0) return null;
  const end = envelope.slice(0, first);
  const mac = Buffer.from(envelope.slice(first + 1, second), "base64url");
  const text = envelope.slice(second + 1);
  const ours = keys
    .macs("cache", id, end, text)
    .some((expected) => expected.byteLength === mac.byteLength && timingSafeEqual(expected, mac));
  const expires = Number.parseInt(end, 36);
  return ours && expires > now ? { frozen: decode(text), expires } : null;
}

/** Where single texts are kept: in Redis when there is one, else in this process. For src/entries.ts. */
export interface Store {
  readonly keys: Keys;
  readonly now: () => number;
  /** The full name of a text of an organization. Throws a TypeError when that is no organization's id. */
  name(organizationId: string, kind: "entry" | "tag" | "counter", args: unknown): string;
  /** The texts of these names, null where there is none. Undefined, here and below: no answer. */
  read(names: readonly string[]): Promise<readonly (string | null)[] | undefined>;
  /** Whether it was written; `ifAbsent`: only when there was none. */
  write(name: string, text: string, milliseconds: number, ifAbsent: boolean): Promise<boolean | undefined>;
  remove(name: string): Promise<boolean | undefined>;
  /** Adds to a number, which begins at 0 and ends after so long; gives the sum. */
  add(name: string, by: number, milliseconds: number): Promise<number | undefined>;
}

export function storeOf(cache: Cache): Store {
  const { options, singles, remote } = cache[internals];
  const now = options.now ?? Date.now;
  const common: Pick<Store, "keys" | "now" | "name"> = {
    keys: options.keys,
    now,
    name: (organizationId, kind, args) => {
      const hash = Bun.CryptoHasher.hash("sha256", canonical(args), "base64url");
      return `${prefixOf(options.release, organizationId)}:${kind}:${hash}`;
    },
  };
  if (remote === null) {
    const put = (name: string, text: string, expires: number) =>
      singles.set(name, { value: text, bytes: text.length }, expires);
    const get = (name: string) => {
      const entry = singles.get(name);
      return entry === undefined ? null : { text: String(entry.frozen.value), expires: entry.expires };
    };
    return {
      ...common,
      read: async (names) => names.map((name) => get(name)?.text ?? null),
      write: async (name, text, milliseconds, ifAbsent) => {
        if (ifAbsent && get(name) !== null) return false;
        put(name, text, now() + milliseconds);
        return true;
      },
      remove: async (name) => get(name) !== null && singles.delete(name),
      add: async (name, by, milliseconds) => {
        const entry = get(name);
        const sum = Number(entry?.text ?? 0) + by;
        put(name, String(sum), entry?.expires ?? now() + milliseconds);
        return sum;
      },
    };
  }
  const within50 = <R>(command: (client: Client) => Promise<R>) =>
    ask(remote, performance.now() + REDIS_BUDGET_MS, command);
  return {
    ...common,
    read: (names) => within50((client) => Promise.all(names.map((name) => readText(client, name)))),
    write: (name, text, milliseconds, ifAbsent) =>
      within50(async (client) => {
        const expiration = { type: "PX", value: milliseconds } as const;
        return (
          (await client.set(name, text, { expiration, ...(ifAbsent ? { condition: "NX" } : {}) })) === "OK"
        );
      }),
    remove: (name) => within50(async (client) => (await client.del(name)) > 0),
    add: (name, by, milliseconds) =>
      within50(async (client) => {
        const expiration = { type: "PX", value: milliseconds } as const;
        // Together, so that the number never outlives its end.
        const [, sum] = await client
          .multi()
          .set(name, "0", { expiration, condition: "NX" })
          .incrBy(name, by)
          .exec();
        return Number(sum);
      }),
  };
}

// Redis: one connection, a budget for every command, and a breaker so that a dead one costs nothing.

type Client = ReturnType<typeof makeClient>;

interface Remote {
  readonly client: Client;
  readonly log: Log;
  /** In a row. */
  failures: number;
  openUntil: number;
  probing: boolean;
  errors: number;
  timeouts: number;
}

function makeClient(url: string) {
  return createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: 10_000,
    // A peer that vanished without a word is noticed by the ping that it does not answer.
    pingInterval: 2000,
    socket: {
      connectTimeout: 2000,
      socketTimeout: 5000,
      reconnectStrategy: (retries) => Math.min(100 * 2 ** retries, 2000) * (0.5 + Math.random() / 2),
    },
  });
}

async function openRemote(url: string, log: Log): Promise<Remote> {
  const client = makeClient(url);
  // Each failed attempt to reconnect reports here; the breaker logs the outage once instead.
  client.on("error", (error) => log.debug("cache_redis_error", { error }));
  const connecting = client.connect().catch(() => {});
  // A hung Redis accepts the connection and says nothing.
  await within(500, connecting).catch(() => log.warn("cache_redis_unavailable"));
  return { client, log, failures: 0, openUntil: 0, probing: false, errors: 0, timeouts: 0 };
}

function breakerOf({ failures, openUntil }: Remote): "closed" | "open" | "half_open" {
  if (failures < BREAKER_FAILURES) return "closed";
  return performance.now() < openUntil ? "open" : "half_open";
}

/** What Redis answers, or undefined when it does not before `until` (as `performance.now()`). Never throws. */
async function ask<R>(
  remote: Remote,
  until: number,
  command: (client: Client) => Promise<R>,
): Promise<R | undefined> {
  const left = until - performance.now();
  const breaker = breakerOf(remote);
  if (left <= 0 || breaker === "open" || (breaker === "half_open" && remote.probing)) return undefined;
  const probe = breaker === "half_open";
  if (probe) remote.probing = true;
  try {
    const answer = await within(left, command(remote.client));
    if (remote.failures >= BREAKER_FAILURES) remote.log.info("cache_redis_back");
    remote.failures = 0;
    return answer;
  } catch (error) {
    if (error instanceof ErrorReply) {
      // Full, loading, read only: it lives, and says no at once.
      remote.errors++;
      return undefined;
    }
    remote.timeouts++;
    remote.failures++;
    if (remote.failures === BREAKER_FAILURES) remote.log.warn("cache_redis_unavailable", { error });
    if (remote.failures >= BREAKER_FAILURES) remote.openUntil = performance.now() + BREAKER_OPEN_MS;
    return undefined;
  } finally {
    if (probe) remote.probing = false;
  }
}

// node-redis' own timeouts and abort signals do not fire once a command is written.
async function within<R>(milliseconds: number, answer: Promise<R>): Promise<R> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${Math.round(milliseconds)} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
    // The answer may still fail later, when nobody listens.
    answer.catch(() => {});
  }
}

// The map in the process. A Map keeps its keys in the order they were set, so the first one is the least recent.

interface Entry {
  readonly frozen: Frozen;
  readonly expires: number;
}

interface Lru {
  get(id: string): Entry | undefined;
  delete(id: string): boolean;
  set(id: string, frozen: Frozen, expires: number): void;
  stats(): { readonly entries: number; readonly bytes: number; readonly evictions: number };
}

function openLru(maxEntries: number, maxBytes: number, now: () => number): Lru {
  const map = new Map<string, Entry>();
  let bytes = 0;
  let evictions = 0;
  const drop = (id: string): boolean => {
    bytes -= map.get(id)?.frozen.bytes ?? 0;
    return map.delete(id);
  };
  return {
    get: (id) => {
      const entry = map.get(id);
      if (entry === undefined) return undefined;
      map.delete(id);
      if (entry.expires <= now()) {
        bytes -= entry.frozen.bytes;
        return undefined;
      }
      map.set(id, entry);
      return entry;
    },
    delete: drop,
    set: (id, frozen, expires) => {
      drop(id);
      map.set(id, { frozen, expires });
      bytes += frozen.bytes;
      for (const [oldest] of map) {
        if (map.size <= maxEntries && bytes <= maxBytes) break;
        drop(oldest);
        evictions++;
      }
    },
    stats: () => ({ entries: map.size, bytes, evictions }),
  };
}
