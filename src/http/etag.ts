/** Entity tags. The version of a stored resource is its tag: `"7"`. */

import { stale } from "../errors.ts";
import type { IfMatch } from "./endpoint.ts";
import { malformedHeader } from "./problem.ts";

export const etagOf = (version: number): string => `"${version}"`;

/** `*`, or tags between commas; RFC 9110 §8.8.3. */
const LIST = /^\s*(?:\*|(?:W\/)?"[\x21\x23-\x7e]*"(?:\s*,\s*(?:W\/)?"[\x21\x23-\x7e]*")*)\s*$/;
const TAG = /(?:W\/)?"[\x21\x23-\x7e]*"/g;

/**
 * The version an If-Match asks for. Refuses with `malformed_header` what is not a tag or names several (a caller has
 * read one version), and with `stale` a tag that no version can have, weak ones included (RFC 9110 §13.1.1).
 */
export function readIfMatch(header: string): IfMatch {
  if (header.trim() === "*") return "*";
  if (!LIST.test(header))
    throw malformedHeader({ detail: "If-Match must be one entity tag in quotes, or *." });
  const [tag, another] = header.match(TAG) ?? [];
  if (tag === undefined || another !== undefined) {
    throw malformedHeader({ detail: "If-Match must name one entity tag." });
  }
  const digits = /^"([1-9]\d{0,14})"$/.exec(tag)?.[1];
  if (digits === undefined) throw stale();
  return Number(digits);
}

/** Whether If-None-Match already has this tag; weak comparison (RFC 9110 §13.1.2). Nonsense matches nothing. */
export function matchesNone(header: string, etag: string): boolean {
  if (header === etag) return true;
  if (!LIST.test(header)) return false;
  if (header.trim() === "*") return true;
  return (header.match(TAG) ?? []).some((tag) => (tag.startsWith("W/") ? tag.slice(2) : tag) === etag);
}
