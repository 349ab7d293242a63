/** Every way an endpoint can refuse: its door's, and those it has by what it is. The docs list exactly these. */
import {
  databaseBusy,
  databaseConnectionLost,
  databaseLocked,
  databaseOutcomeUnknown,
  databaseTimeout,
  databaseUnavailable,
  invalidRequest,
  malformedJson,
  notFound,
  preconditionRequired,
  type RefusalType,
  stale,
  unauthenticated,
  writeConflict,
} from "../errors.ts";
import { keyInUse, keyReused } from "../idempotency/idempotency.ts";
import { refusalsOfAccess } from "../permissions.ts";
import { type Endpoint, ifMatchOf } from "./endpoint.ts";
import { invalidCursor } from "./page.ts";
import {
  bodyTimeout,
  bodyTooLarge,
  conflict,
  csrfRefused,
  invalidValue,
  malformedHeader,
  malformedRequest,
  rangeNotSatisfiable,
  requestTimeout,
  tooManyAtOnce,
  tooManyRequests,
  unsupportedMediaType,
  uriTooLong,
} from "./problem.ts";
import { isStreamed } from "./wire.ts";

const ALWAYS = [malformedRequest, invalidRequest, uriTooLong, tooManyRequests, tooManyAtOnce];
const DATABASE = [
  databaseUnavailable,
  databaseBusy,
  databaseConnectionLost,
  databaseTimeout,
  databaseLocked,
  requestTimeout,
];
const CHANGES = [
  csrfRefused,
  databaseOutcomeUnknown,
  writeConflict,
  conflict,
  invalidValue,
  bodyTimeout,
  bodyTooLarge,
  malformedJson,
  unsupportedMediaType,
];

/** By slug. What a door throws beyond these is answered all the same, and logged as `refusal_not_declared`. */
export function refusalsOf(endpoint: Endpoint): ReadonlyMap<string, RefusalType> {
  const { method, access, params, page } = endpoint;
  const ifMatch = ifMatchOf(endpoint);
  const types = [
    ...ALWAYS,
    ...DATABASE,
    ...(method === "GET" ? [invalidValue] : CHANGES),
    ...(access === "public" ? [] : [unauthenticated, ...refusalsOfAccess(access, params !== undefined)]),
    ...(params === undefined ? [] : [notFound]),
    ...(page === undefined ? [] : [invalidCursor]),
    ...(method === "POST" ? [malformedHeader, keyReused, keyInUse] : []),
    ...(ifMatch === "ignored" ? [] : [malformedHeader, stale]),
    ...(ifMatch === "required" ? [preconditionRequired] : []),
    ...([...endpoint.answers.values()].some(isStreamed) ? [rangeNotSatisfiable] : []),
    ...endpoint.refusals,
  ];
  return new Map(types.map((type) => [type.slug, type]));
}
