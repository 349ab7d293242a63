/** The version a caller says they have read, against the one that is stored (RFC 9110 §13.1.1). */
import { stale } from "./errors.ts";

/** `*` and null stand for any version. */
export type ExpectedVersion = number | "*" | null;

/** Whether the caller has read another version. */
export const isStale = (expected: ExpectedVersion, stored: number): boolean =>
  typeof expected === "number" && expected !== stored;

/** Refuses with `stale` when the caller has read another version. */
export function requireVersion(expected: ExpectedVersion, stored: number): void {
  if (isStale(expected, stored)) throw stale();
}
