/** What the cache keeps: frozen copies of JSON and dates, and their text for Redis. */
import type { Json } from "../sql/tx.ts";

/**
 * What can be cached: JSON and dates. Anything else (functions, maps, bytes, bigint) does not compile and, should it
 * slip through, throws. A property that is undefined is left out.
 */
export type Cacheable<T> = T extends Json | undefined | Date
  ? T
  : T extends
        | bigint
        | symbol
        | ArrayBufferView
        | ((...args: never) => unknown)
        | ReadonlyMap<unknown, unknown>
        | ReadonlySet<unknown>
    ? never
    : { readonly [K in keyof T]: Cacheable<T[K]> };

/** Makes a parameter refuse a `T` that cannot be cached, with this sentence in the compiler's complaint. */
export type OnlyCacheable<T> = [T] extends [Cacheable<T>] ? unknown : "the value holds what cannot be cached";

/** A value that nobody can alter, and about how many bytes it takes. */
export interface Frozen {
  readonly value: unknown;
  readonly bytes: number;
}

/**
 * A deeply frozen copy, so that the value can be handed to many callers at once: altering it throws in the caller that
 * tries. Dates are dates whose setters throw. Throws a TypeError when the value holds anything but JSON and dates.
 */
export function freeze(value: unknown): Frozen {
  const size = { bytes: 0 };
  return { value: copy(value, size, "value"), bytes: size.bytes };
}

/** The text of a value, from which `decode` makes an equal one. */
export function encode(value: unknown): string {
  return JSON.stringify(marked(value, "value"));
}

/** What `encode` wrote, frozen. Throws when the text is not JSON. */
export function decode(text: string): Frozen {
  const size = { bytes: 0 };
  return { value: unmarked(JSON.parse(text), size), bytes: size.bytes };
}

/** One text for equal arguments, whatever the order of their keys, and another for any that differ in value or type. */
export function canonical(value: unknown): string {
  return JSON.stringify(sorted(marked(value, "argument")));
}

/** JSON has no dates, so a date becomes "~" and its milliseconds, and a string that begins with "~" gets another. */
const MARK = "~";

/** Rough cost of an object, property or number in the heap, in bytes. */
const NODE_BYTES = 16;

// A frozen date can still be moved by its setters: they work on an internal slot that `Object.freeze` does not reach.
const FROZEN_DATE: object = Object.freeze(
  Object.create(
    Date.prototype,
    Object.fromEntries(
      Object.getOwnPropertyNames(Date.prototype)
        .filter((name) => name.startsWith("set"))
        .map((name) => [
          name,
          {
            value: () => {
              throw new TypeError(`${name}: a cached date cannot be changed`);
            },
          },
        ]),
    ),
  ),
);

function frozenDate(milliseconds: number): Date {
  const date = new Date(milliseconds);
  Object.setPrototypeOf(date, FROZEN_DATE);
  return Object.freeze(date);
}

function copy(value: unknown, size: { bytes: number }, path: string): unknown {
  size.bytes += NODE_BYTES;
  if (typeof value === "string") {
    size.bytes += value.length;
    return value;
  }
  if (isPrimitive(value, path)) return value === 0 ? 0 : value;
  if (value instanceof Date) return frozenDate(time(value, path));
  if (Array.isArray(value)) {
    return Object.freeze(value.map((item, index) => copy(item, size, `${path}[${index}]`)));
  }
  return Object.freeze(mapProperties(value, path, (item, at) => copy(item, size, at)));
}

function marked(value: unknown, path: string): unknown {
  if (typeof value === "string") return value.startsWith(MARK) ? MARK + value : value;
  if (isPrimitive(value, path)) return value;
  if (value instanceof Date) return `${MARK}${time(value, path)}`;
  if (Array.isArray(value)) return value.map((item, index) => marked(item, `${path}[${index}]`));
  return mapProperties(value, path, marked);
}

function unmarked(value: unknown, size: { bytes: number }): unknown {
  size.bytes += NODE_BYTES;
  if (typeof value === "string") {
    size.bytes += value.length;
    if (!value.startsWith(MARK)) return value;
    return value.startsWith(MARK, 1) ? value.slice(1) : frozenDate(Number(value.slice(1)));
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Object.freeze(value.map((item) => unmarked(item, size)));
  return Object.freeze(mapProperties(value, "value", (item) => unmarked(item, size)));
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  // Pairs, because an object puts keys that look like numbers first, whatever the order they were given in.
  return { entries: entries.map(([key, item]) => [key, sorted(item)]) };
}

function isPrimitive(value: unknown, path: string): value is number | boolean | null {
  if (value === null || typeof value === "boolean") return true;
  if (typeof value !== "number") return false;
  if (!Number.isFinite(value)) throw new TypeError(`${path} is ${value}, which cannot be cached`);
  return true;
}

function time(date: Date, path: string): number {
  const milliseconds = date.getTime();
  if (Number.isNaN(milliseconds)) throw new TypeError(`${path} is an invalid date`);
  return milliseconds;
}

function mapProperties(value: unknown, path: string, map: (item: unknown, path: string) => unknown): object {
  const prototype: unknown = typeof value === "object" ? Object.getPrototypeOf(value) : undefined;
  if (typeof value !== "object" || value === null || (prototype !== Object.prototype && prototype !== null)) {
    throw new TypeError(`${path} is a ${typeof value} that cannot be cached`);
  }
  // fromEntries defines a key named `__proto__`; an assignment would set the prototype instead.
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, map(item, `${path}.${key}`)]),
  );
}
