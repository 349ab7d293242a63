import type { Json } from "../sql/tx.ts";

/**
 * The one text of a document: RFC 8785, for what the audit holds (no number but whole ones up to 2^53). Keys in order of
 * their code units, no space, strings as JSON.stringify writes them.
 */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(",")}}`;
}
