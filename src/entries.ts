/**
 * Single entries: small things that may be lost, such as what a slow foreign service answered, or a rough count.
 *
 * They are kept in Redis when there is one, so that all nodes see the same, and else in each process for itself. They
 * know nothing of PostgreSQL: an entry can be older than what it was made from, and everything here may be forgotten at
 * any moment. What must never be stale goes through `cached` (src/cache.ts); what must never be lost, to the database.
 * When Redis does not answer within its budget nothing throws: there is no entry, and nothing was done.
 */
import { type Cache, type Store, seal, storeOf, unseal } from "./cache.ts";
import { encode, type OnlyCacheable } from "./cacheable.ts";

export interface EntryKey {
  readonly organizationId: string;
  /** Names what it is, and everything it depends on. */
  readonly args: unknown;
  /** Entries with the same tag can be removed together. */
  readonly tag?: string;
}

const DAY_MS = 86_400_000;
/** Longer than any entry lives: an entry whose tag is gone counts as gone. */
const TAG_MS = 2 * DAY_MS;
const MAX_BYTES = 256 * 1024;

/**
 * Keeps a value for so many seconds, at most a day; says whether it is kept. Throws a TypeError when it holds anything
 * but JSON and dates.
 */
export async function put<T>(
  cache: Cache,
  key: EntryKey,
  value: T & OnlyCacheable<T>,
  ttlSeconds: number,
): Promise<boolean> {
  const store = storeOf(cache);
  const name = nameOf(store, key);
  const milliseconds = millisecondsOf(ttlSeconds);
  const tag = await joinTag(store, key);
  if (tag === undefined) return false;
  const text = seal(store.keys, name, store.now() + milliseconds, encode([tag, value]));
  return text.length <= MAX_BYTES && (await store.write(name, text, milliseconds, false)) === true;
}

/** The value that was put, frozen, or null when there is none. `T` is the caller's word for what was put. */
export async function get<T>(cache: Cache, key: EntryKey): Promise<T | null> {
  const store = storeOf(cache);
  const name = nameOf(store, key);
  const tagName = tagNameOf(store, key);
  const texts = await store.read(tagName === null ? [name] : [name, tagName]);
  const text = texts?.[0] ?? null;
  if (text === null) return null;
  const entry = unseal(store.keys, name, text, store.now());
  if (entry === null) return null;
  const [tag, value] = entry.frozen.value as readonly [string | null, T];
  return tag === (texts?.[1] ?? null) ? value : null;
}

/** Whether there is a value. */
export async function has(cache: Cache, key: EntryKey): Promise<boolean> {
  return (await get<never>(cache, key)) !== null;
}

/** Removes an entry; says whether one was removed. */
export async function remove(cache: Cache, key: EntryKey): Promise<boolean> {
  const store = storeOf(cache);
  return (await store.remove(nameOf(store, key))) === true;
}

/** Lets an entry live for so many seconds from now, at most a day; says whether there was one. */
export async function expire(cache: Cache, key: EntryKey, ttlSeconds: number): Promise<boolean> {
  const value = await get<never>(cache, key);
  return value !== null && put(cache, key, value, ttlSeconds);
}

/** Removes every entry of an organization with this tag, and no other; says whether that is certain. */
export async function removeTag(cache: Cache, organizationId: string, tag: string): Promise<boolean> {
  const store = storeOf(cache);
  return (await store.remove(store.name(organizationId, "tag", tag))) !== undefined;
}

/**
 * Adds to a counter, which begins at 0 and ends so many seconds after its first use; gives the sum, or null when it is
 * not known. Not for what protects anything: it forgets, and whoever can write to Redis can write to it.
 */
export async function increment(
  cache: Cache,
  { organizationId, args }: Pick<EntryKey, "organizationId" | "args">,
  ttlSeconds: number,
  by = 1,
): Promise<number | null> {
  const store = storeOf(cache);
  const name = store.name(organizationId, "counter", args);
  return (await store.add(name, by, millisecondsOf(ttlSeconds))) ?? null;
}

function nameOf(store: Store, { organizationId, args, tag }: EntryKey): string {
  return store.name(organizationId, "entry", { args, tag });
}

function tagNameOf(store: Store, { organizationId, tag }: EntryKey): string | null {
  return tag === undefined ? null : store.name(organizationId, "tag", tag);
}

/** The tag as it is now: a random text that lasts until the tag is removed. Undefined when it is not known. */
async function joinTag(store: Store, key: EntryKey): Promise<string | null | undefined> {
  const name = tagNameOf(store, key);
  if (name === null) return null;
  const [known] = (await store.read([name])) ?? [undefined];
  if (known !== null) return known;
  await store.write(name, crypto.randomUUID(), TAG_MS, true);
  return (await store.read([name]))?.[0] ?? undefined;
}

function millisecondsOf(seconds: number): number {
  return Math.max(1, Math.min(DAY_MS, Math.round(seconds * 1000)));
}
