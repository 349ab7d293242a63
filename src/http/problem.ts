/**
 * RFC 9457 for every refusal and every failure: the one place that knows HTTP statuses. Nothing that a caller sent,
 * and nothing that PostgreSQL or a library said, ever reaches a body.
 */
import {
  databaseTimeout,
  databaseUnavailable,
  type FieldError,
  type Rate,
  Refusal,
  type RefusalKind,
  type RefusalType,
  refusal,
  refusals,
  writeConflict,
} from "../errors.ts";

export const STATUS: Readonly<Record<RefusalKind, number>> = {
  malformed: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  timeout: 408,
  conflict: 409,
  stale: 412,
  too_large: 413,
  uri_too_long: 414,
  unsupported_media_type: 415,
  range_not_satisfiable: 416,
  invalid: 422,
  precondition_required: 428,
  too_many: 429,
  headers_too_large: 431,
  unavailable: 503,
};

export const malformedRequest = refusal("malformed", "malformed_request", "The request cannot be read");
export const malformedHeader = refusal("malformed", "malformed_header", "A request header cannot be read");
export const invalidValue = refusal("invalid", "invalid_value", "A value cannot be stored");
export const csrfRefused = refusal(
  "forbidden",
  "csrf_refused",
  "A change asked for with a cookie must come from a page of this site",
);
export const methodNotAllowed = refusal(
  "method_not_allowed",
  "method_not_allowed",
  "The method is not allowed here",
);
export const bodyTimeout = refusal("timeout", "body_timeout", "The body did not arrive in time");
export const bodyTooLarge = refusal("too_large", "body_too_large", "The body is too large");
export const uriTooLong = refusal("uri_too_long", "uri_too_long", "The address is too long");
export const unsupportedMediaType = refusal(
  "unsupported_media_type",
  "unsupported_media_type",
  "The body must be of a media type that is taken here, without a content encoding",
);
export const rangeNotSatisfiable = refusal(
  "range_not_satisfiable",
  "range_not_satisfiable",
  "Nothing of the file lies in that range",
);
export const tooManyRequests = refusal("too_many", "too_many_requests", "Too many requests; wait a little");
export const tooManyAtOnce = refusal(
  "too_many",
  "too_many_at_once",
  "Too many requests under way at once; wait for some to end",
);
export const requestTimeout = refusal(
  "unavailable",
  "request_timeout",
  "The request took too long; whether it took effect is not known",
);

/** What is said about a 500: nothing but that it is ours, and the id under which it is logged. */
export const INTERNAL = {
  slug: "internal_error",
  title: "Something went wrong on our side",
  status: 500,
} as const;

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly instance: string;
  readonly errors?: readonly ProblemError[];
}

export interface ProblemError extends Omit<FieldError, "slug"> {
  readonly type?: string;
}

export const typeOf = (slug: string): string => `urn:satchel:problem:${slug}`;

/** The body and the status of a refusal. `requestId` is a UUID. */
export function problemOf(refused: Refusal, requestId: string): Problem {
  const { detail, errors } = refused.details;
  return {
    type: typeOf(refused.slug),
    title: refused.title,
    status: STATUS[refused.kind],
    ...(detail === undefined ? {} : { detail }),
    instance: `urn:uuid:${requestId}`,
    ...(errors === undefined ? {} : { errors: errors.map(errorOf) }),
  };
}

const errorOf = ({ slug, ...error }: FieldError): ProblemError =>
  slug === undefined ? error : { ...error, type: typeOf(slug) };

export function internalProblem(requestId: string): Problem {
  return {
    type: typeOf(INTERNAL.slug),
    title: INTERNAL.title,
    status: INTERNAL.status,
    instance: `urn:uuid:${requestId}`,
  };
}

/** draft-ietf-httpapi-ratelimit-headers-06 §5: the plain form that clients in the field understand. */
export const rateHeaders = ({ limit, remaining, reset }: Rate): Record<string, string> => ({
  "ratelimit-limit": String(limit),
  "ratelimit-remaining": String(remaining),
  "ratelimit-reset": String(reset),
});

/** Headers that belong to a refusal: `Retry-After`, `RateLimit-…`, `Allow`, `WWW-Authenticate`. */
export function problemHeaders(refused: Refusal): Record<string, string> {
  const { retryAfter, allow, rate } = refused.details;
  const headers: Record<string, string> = rate === undefined ? {} : rateHeaders(rate);
  if (refused.kind === "unavailable" || refused.kind === "too_many") {
    headers["retry-after"] = String(Math.max(1, Math.ceil(retryAfter ?? 1)));
  }
  if (allow !== undefined) headers.allow = allow.join(", ");
  if (refused.kind === "unauthenticated") headers["www-authenticate"] = 'Bearer realm="satchel"';
  return headers;
}

/**
 * The refusal behind an error, or null: then it is a bug and answered 500. SQLSTATEs are a last resort for what no
 * door foresaw; constraints that a door knows are mapped by name before they get here.
 */
export function refusalOf(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error;
  const state = sqlState(error);
  if (state === null) return null;
  const exact = BY_STATE[state] ?? BY_CLASS[state.slice(0, 2)];
  return exact === undefined ? null : exact();
}

export const conflict = refusal("conflict", "conflict", "It clashes with something that exists already");

const BY_STATE: Readonly<Record<string, RefusalType>> = {
  "22P02": invalidValue, // invalid text representation
  "22021": invalidValue, // character not in repertoire: NUL
  "22P05": invalidValue, // untranslatable character
  "22003": invalidValue, // numeric value out of range
  "22007": invalidValue, // invalid datetime format
  "22008": invalidValue, // datetime field overflow
  "23505": conflict, // unique violation
  "23503": conflict, // foreign key violation
  "23P01": conflict, // exclusion violation
  "40001": writeConflict, // serialization failure
  "40P01": writeConflict, // deadlock
  "55P03": databaseTimeout, // lock not available
  "57014": databaseTimeout, // cancelled by statement_timeout
};

const BY_CLASS: Readonly<Record<string, RefusalType>> = {
  "53": databaseUnavailable, // insufficient resources
  "08": databaseUnavailable, // connection exception
  "57": databaseUnavailable, // operator intervention: shutting down, cannot connect now
};

function sqlState(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  const { code } = error;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}

/** Every refusal there is with its status, for the docs and for the test that no slug is ever renamed. */
export function catalogue(): readonly {
  readonly slug: string;
  readonly title: string;
  readonly status: number;
}[] {
  return [
    ...refusals().map(({ slug, title, kind }) => ({ slug, title, status: STATUS[kind] })),
    { ...INTERNAL },
  ].sort((a, b) => (a.slug < b.slug ? -1 : 1));
}
