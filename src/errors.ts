/**
 * How Satchel says no. A feature declares its refusals in its door; `src/http/problem.ts` alone turns a kind into
 * an HTTP status. A slug is API: unique, never renamed.
 */

export type RefusalKind =
  | "invalid" // 422
  | "malformed" // 400
  | "unauthenticated" // 401
  | "forbidden" // 403
  | "not_found" // 404
  | "method_not_allowed" // 405
  | "timeout" // 408
  | "conflict" // 409
  | "stale" // 412
  | "too_large" // 413
  | "uri_too_long" // 414
  | "unsupported_media_type" // 415
  | "range_not_satisfiable" // 416
  | "precondition_required" // 428
  | "too_many" // 429
  | "headers_too_large" // 431
  | "unavailable"; // 503

/** Where in the request something was wrong. `pointer` is an RFC 6901 JSON pointer as a URI fragment (`#/email`). */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
  /** Of an item of a batch: the refusal that it would have been answered with by itself. */
  readonly slug?: string;
}

/** What somebody may ask of this node, as the RateLimit headers say it. */
export interface Rate {
  /** Requests a minute. */
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until all of them are there again; of a refusal, until there is one. */
  readonly reset: number;
}

export interface RefusalDetails {
  /** One sentence for a person. Must not repeat a value that the caller sent (OWASP ASVS 5.0 V16.5). */
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  /** For `Retry-After`, in seconds. */
  readonly retryAfter?: number;
  /** Of what was asked too much. */
  readonly rate?: Rate;
  /** For `Allow` with `method_not_allowed`. */
  readonly allow?: readonly string[];
}

/** A refusal is an answer, not a bug: it is thrown, rolls the transaction back and reaches the caller whole. */
export class Refusal extends Error {
  readonly kind: RefusalKind;
  readonly slug: string;
  readonly title: string;
  readonly details: RefusalDetails;

  constructor(kind: RefusalKind, slug: string, title: string, details: RefusalDetails = {}) {
    super(`${slug}: ${details.detail ?? title}`);
    this.kind = kind;
    this.slug = slug;
    this.title = title;
    this.details = details;
  }
}

/** One entry of the catalogue: call it to make the refusal. */
export interface RefusalType {
  (details?: RefusalDetails): Refusal;
  readonly kind: RefusalKind;
  readonly slug: string;
  readonly title: string;
}

const catalogue = new Map<string, RefusalType>();

/**
 * Declares a refusal. `const emailTaken = refusal("conflict", "email_taken", "The e-mail address is already in use")`,
 * then `throw emailTaken()`. `detail` is what it says unless told otherwise. Throws when the slug is not snake_case or
 * was declared before.
 */
export function refusal(kind: RefusalKind, slug: string, title: string, detail?: string): RefusalType {
  if (!/^[a-z][a-z0-9_]*$/.test(slug)) throw new Error(`refusal slug "${slug}" is not snake_case`);
  if (catalogue.has(slug)) throw new Error(`refusal slug "${slug}" is declared twice`);
  const usual: RefusalDetails = detail === undefined ? {} : { detail };
  const make = (details: RefusalDetails = {}) => new Refusal(kind, slug, title, { ...usual, ...details });
  const type: RefusalType = Object.assign(make, { kind, slug, title });
  catalogue.set(slug, type);
  return type;
}

/** The details of a refusal because somebody else has this value: which field of the body it is. */
export const inUse = (field: string): RefusalDetails => ({
  errors: [{ pointer: `#/${field}`, detail: "is already in use" }],
});

/** Every refusal declared by the modules loaded so far, by slug. */
export function refusals(): readonly RefusalType[] {
  return [...catalogue.values()].sort((a, b) => (a.slug < b.slug ? -1 : 1));
}

export const databaseUnavailable = refusal(
  "unavailable",
  "database_unavailable",
  "The database cannot be reached",
);
export const databaseBusy = refusal("unavailable", "database_busy", "The database has no free connection");
export const databaseConnectionLost = refusal(
  "unavailable",
  "database_connection_lost",
  "The connection to the database was lost before it confirmed the change",
);
/** The connection died between sending the commit and its answer: nobody can know which it was. */
export const databaseOutcomeUnknown = refusal(
  "unavailable",
  "database_outcome_unknown",
  "The database did not confirm the change: it may have been made, or not",
);
/** Another transaction held a lock for longer than `lock_timeout`. */
export const databaseLocked = refusal(
  "unavailable",
  "database_locked",
  "Another request is changing the same data",
);
export const databaseTimeout = refusal(
  "unavailable",
  "database_timeout",
  "The database took too long to answer",
);
export const preconditionRequired = refusal(
  "precondition_required",
  "precondition_required",
  "Send If-Match with the ETag you read, or * to overwrite knowingly",
);
export const writeConflict = refusal(
  "conflict",
  "write_conflict",
  "Another request changed the same data at once",
);

export const malformedJson = refusal("malformed", "malformed_json", "The body is not acceptable JSON");
export const invalidRequest = refusal(
  "invalid",
  "invalid_request",
  "The request does not have the right shape",
);

export const oneKeyNeeded = refusal("invalid", "one_key_needed", "Look up by exactly one of the names");

export const unauthenticated = refusal("unauthenticated", "unauthenticated", "Sign in first");
export const forbidden = refusal("forbidden", "forbidden", "You are not allowed to do this");
/** Also for another organization's row, which must answer exactly like an id that never existed. */
export const notFound = refusal("not_found", "not_found", "There is nothing here");
export const stale = refusal("stale", "stale", "It has changed since you read it");
