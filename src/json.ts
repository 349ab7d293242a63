/**
 * Strict JSON. `JSON.parse` does the reading; what it lets pass (the same name twice, `__proto__`, numbers that lose
 * digits, text that PostgreSQL cannot store) is refused before and after it, in two cheap passes.
 */
import { type FieldError, invalidRequest, malformedJson } from "./errors.ts";

export const JSON_DEPTH = 32;
export const JSON_KEYS = 1000;
export const JSON_ARRAY = 1000;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const QUOTE = 0x22;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Reads one JSON document. Refuses with `malformed_json` what is not strict JSON in UTF-8 (a byte order mark, a name
 * that occurs twice in an object, `__proto__`, more than `depthLimit` levels or `nameLimit` names), and with `invalid_request` values
 * that cannot be kept exactly: NUL, lone surrogates, whole numbers beyond ±(2^53 − 1), arrays of more than 1,000.
 */
export function parseJson(
  bytes: Uint8Array,
  nameLimit: number = JSON_KEYS,
  depthLimit: number = JSON_DEPTH,
): unknown {
  const names = countNames(bytes, nameLimit, depthLimit);
  let text: string;
  let value: unknown;
  try {
    text = decoder.decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw malformedJson();
  }
  // Raw NUL and raw lone surrogates are no JSON; only an escape can bring one in.
  const walk: Walk = { names: 0, escapes: text.includes("\\u"), errors: [] };
  visit(value, walk, null, "");
  if (walk.names !== names) throw malformedJson({ detail: "A name occurs twice in one object." });
  if (walk.errors.length > 0) throw invalidRequest({ errors: walk.errors });
  return value;
}

/**
 * Counts member names as they are written, bounding depth on the way, so that nothing deep or wide is ever parsed.
 * The text need not be JSON yet: a wrong count on broken text does not matter, for `JSON.parse` refuses that.
 */
function countNames(bytes: Uint8Array, limit: number, depthLimit: number): number {
  const length = bytes.length;
  let names = 0;
  let depth = 0;
  for (let at = 0; at < length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at++;
      for (let inside = bytes[at]; inside !== QUOTE && at < length; inside = bytes[at]) {
        at += inside === BACKSLASH ? 2 : 1;
      }
    } else if (byte === COLON) {
      if (++names > limit) {
        throw malformedJson({ detail: `At most ${limit} names are taken in one document.` });
      }
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (++depth > depthLimit) throw malformedJson({ detail: `At most ${depthLimit} levels are taken.` });
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      depth--;
    }
  }
  return names;
}

interface Walk {
  names: number;
  readonly escapes: boolean;
  readonly errors: FieldError[];
}

/** Where a value is; kept as a chain so that no pointer is built for a sound document. */
interface Path {
  readonly parent: Path | null;
  readonly key: string | number;
}

function visit(value: unknown, walk: Walk, parent: Path | null, key: string | number): void {
  if (typeof value === "string") {
    if (walk.escapes) checkText(value, walk, parent, key);
  } else if (typeof value === "number") {
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
      complain(walk, parent, key, "must be a number that can be kept exactly");
    }
  } else if (Array.isArray(value)) {
    if (value.length > JSON_ARRAY) complain(walk, parent, key, `must have at most ${JSON_ARRAY} items`);
    const path: Path = { parent, key };
    for (let at = 0; at < value.length; at++) visit(value[at], walk, path, at);
  } else if (value !== null && typeof value === "object") {
    const path: Path = { parent, key };
    for (const name in value) {
      walk.names++;
      if (name === "__proto__") throw malformedJson({ detail: "The name __proto__ is not taken." });
      if (walk.escapes) checkText(name, walk, path, "");
      visit((value as Record<string, unknown>)[name], walk, path, name);
    }
  }
}

function checkText(text: string, walk: Walk, parent: Path | null, key: string | number): void {
  if (text.includes("\0")) complain(walk, parent, key, "must not contain the character U+0000");
  else if (!text.isWellFormed()) complain(walk, parent, key, "must be well-formed Unicode");
}

function complain(walk: Walk, parent: Path | null, key: string | number, detail: string): void {
  if (walk.errors.length >= 20) return;
  const names = parent === null ? [] : [key];
  for (let path = parent; path?.parent; path = path.parent) names.unshift(path.key);
  walk.errors.push({ pointer: pointerOf(names), detail });
}

/**
 * An RFC 6901 pointer as a URI fragment. It ends before the first name that does not look like a field's: a name is
 * what the caller sent, and what he sent is never echoed at length.
 */
export function pointerOf(names: readonly (string | number)[], root = "#"): string {
  let pointer = root;
  for (const name of names) {
    if (typeof name === "string" && !/^[A-Za-z0-9_-]{1,64}$/.test(name)) break;
    pointer += `/${name}`;
  }
  return pointer;
}
