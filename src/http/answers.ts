/** How everything leaves: the headers every answer carries, problems, and bodies that fit their declared schema. */

import type { Refusal } from "../errors.ts";
import { type Log, warnSeldom } from "../log.ts";
import { type Site, setCookie } from "./credentials.ts";
import { type Answer, answer, type CookieName, isAnswer } from "./endpoint.ts";
import { etagOf, matchesNone } from "./etag.ts";
import type { Exchange, Prepared } from "./exchange.ts";
import {
  internalProblem,
  type Problem,
  problemHeaders,
  problemOf,
  rangeNotSatisfiable,
  rateHeaders,
  refusalOf,
} from "./problem.ts";
import { isStreamedBody, rangeOf, type StreamedBody } from "./streams.ts";
import { isBinary } from "./wire.ts";

export const JSON_TYPE = "application/json";
const PROBLEM_JSON = "application/problem+json";
/** Nothing an API answers is ever rendered, framed or scripted. */
const API_CSP = "default-src 'none'; frame-ancestors 'none'";
const EXPOSED =
  "Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Link, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, " +
  "X-Request-Id";

export type ResponseBody = string | Uint8Array<ArrayBuffer> | Blob | ReadableStream | null;

export interface Rendered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
  readonly body: ResponseBody | StreamedBody;
}

export interface Responder {
  /** The headers of any answer. `type` null: it has no body. */
  headersOf(exchange: Exchange, type: string | null): Headers;
  respond(exchange: Exchange, status: number, headers: Headers, body: ResponseBody): Response;
  refuse(exchange: Exchange, refused: Refusal): Response;
  /** For whatever was thrown: a refusal's problem, or 500 and a line in the log. */
  fail(exchange: Exchange, error: unknown): Response;
  send(exchange: Exchange, rendered: Rendered): Response;
}

/** `draining`: connections are asked to close. `leave` makes a stream of the bytes of an answer. */
export function openResponder(
  site: Site,
  log: Log,
  draining: () => boolean,
  leave: (exchange: Exchange, body: StreamedBody, from: number, to: number) => ReadableStream<Uint8Array>,
): Responder {
  const base = new Headers({
    "cache-control": "no-store",
    "content-security-policy": API_CSP,
    "referrer-policy": "no-referrer",
    vary: "Authorization, Cookie, Origin",
    "x-content-type-options": "nosniff",
    ...(site.secure ? { "strict-transport-security": "max-age=31536000" } : {}),
  });
  // Copying a ready-made Headers is ten times cheaper than making one from an object.
  const ready = new Map<string, Headers>();
  const readyFor = (type: string): Headers => {
    let headers = ready.get(type);
    if (headers === undefined) {
      headers = new Headers(base);
      headers.set("content-type", type);
      ready.set(type, headers);
    }
    return headers;
  };

  const headersOf = (exchange: Exchange, type: string | null): Headers => {
    const headers = new Headers(type === null ? base : readyFor(type));
    headers.set("x-request-id", exchange.requestId);
    const { lease, traceparent } = exchange;
    if (lease !== null) {
      for (const [name, value] of Object.entries(rateHeaders(lease))) headers.set(name, value);
    }
    if (traceparent !== null) headers.set("traceparent", traceparent);
    if (draining()) headers.set("connection", "close");
    const origin = exchange.request.headers.get("origin");
    if (origin !== null && site.corsOrigins.has(origin)) {
      headers.set("access-control-allow-origin", origin);
      headers.set("access-control-allow-credentials", "true");
      headers.set("access-control-expose-headers", EXPOSED);
    }
    return headers;
  };

  const respond = ({ request }: Exchange, status: number, headers: Headers, body: ResponseBody): Response => {
    if (request.method !== "HEAD") return new Response(body, { status, headers });
    if (typeof body === "string") headers.set("content-length", String(Buffer.byteLength(body)));
    return new Response(null, { status, headers });
  };

  const problem = (exchange: Exchange, body: Problem, extra: Readonly<Record<string, string>>): Response => {
    const headers = headersOf(exchange, PROBLEM_JSON);
    for (const name in extra) headers.set(name, extra[name] ?? "");
    // A body that was not read would be taken for the next request on this connection.
    const { arrival } = exchange;
    const unread = body.status === 408 || body.status === 413 || (arrival !== null && !arrival.whole);
    if (unread) headers.set("connection", "close");
    return respond(exchange, body.status, headers, JSON.stringify(body));
  };

  const refuse = (exchange: Exchange, refused: Refusal): Response => {
    exchange.slug = refused.slug;
    return problem(exchange, problemOf(refused, exchange.requestId), problemHeaders(refused));
  };

  const unavailable = warnSeldom(log, "unavailable");

  const fail = (exchange: Exchange, error: unknown): Response => {
    const refused = refusalOf(error);
    const { prepared, requestId, route } = exchange;
    if (refused === null) {
      log.error("request_failed", { requestId, route, error });
      return problem(exchange, internalProblem(requestId), {});
    }
    // The caller only learns that it does not work now. Why (a full disk, say) is for who runs it.
    if (refused.kind === "unavailable" && refused.cause !== undefined) {
      unavailable({ requestId, route, slug: refused.slug, error: refused.cause });
    }
    if (prepared !== null && !prepared.refusals.has(refused.slug)) {
      log.warn("refusal_not_declared", { requestId, route, slug: refused.slug });
    }
    return refuse(exchange, refused);
  };

  const send = (exchange: Exchange, { status, body, cookies, headers: own }: Rendered): Response => {
    const headers = headersOf(exchange, body === null ? null : JSON_TYPE);
    for (const name in own) headers.set(name, own[name] ?? "");
    for (const cookie of cookies) headers.append("set-cookie", cookie);
    const { request } = exchange;
    if (own.etag !== undefined && (request.method === "GET" || request.method === "HEAD")) {
      const known = request.headers.get("if-none-match");
      if (known !== null && matchesNone(known, own.etag)) {
        headers.delete("content-type");
        return respond(exchange, 304, headers, null);
      }
    }
    return isStreamedBody(body)
      ? sendStreamed(exchange, status, headers, body, own.etag)
      : respond(exchange, status, headers, body);
  };

  const sendStreamed = (
    exchange: Exchange,
    status: number,
    headers: Headers,
    body: StreamedBody,
    etag: string | undefined,
  ): Response => {
    headers.set("accept-ranges", "bytes");
    if (exchange.request.method === "HEAD") {
      headers.set("content-length", String(body.size));
      return respond(exchange, status, headers, null);
    }
    const range = rangeOf(exchange.request.headers, etag, body.size);
    if (range === "unsatisfiable") {
      const refused = refuse(exchange, rangeNotSatisfiable());
      refused.headers.set("content-range", `bytes */${body.size}`);
      return refused;
    }
    const { from, to } = range ?? { from: 0, to: body.size };
    // Bun sends a stream in chunks and leaves this out; what takes answers in process reads it.
    headers.set("content-length", String(to - from));
    if (range !== null) headers.set("content-range", `bytes ${from}-${to - 1}/${body.size}`);
    return respond(exchange, range === null ? status : 206, headers, leave(exchange, body, from, to));
  };

  return { headersOf, respond, refuse, fail, send };
}

/** Turns what `present` gave into bytes. Throws when it does not fit the declared schema: nothing else goes out. */
export function render(
  { endpoint, answers, status, route }: Prepared,
  presented: unknown,
  site: Site,
): Rendered {
  const given: Answer<unknown> = isAnswer(presented) ? presented : answer(presented);
  const code = given.status ?? status;
  const declared = answers.get(code);
  if (declared === undefined) throw new Error(`${route} does not declare the answer ${code}`);
  const headers: Record<string, string> = { ...given.headers };
  const cookies =
    given.cookies === undefined
      ? []
      : Object.entries(given.cookies).flatMap(([name, cookie]) =>
          cookie === undefined ? [] : [setCookie(name as CookieName, cookie, site.secure)],
        );
  if (declared.check === null || declared.schema === null)
    return { status: code, headers, cookies, body: null };
  if (isBinary(declared.schema)) {
    return { status: code, headers, cookies, body: given.body as ResponseBody | StreamedBody };
  }
  if (!declared.check.Check(given.body)) {
    const where = declared.check.Errors(given.body).First();
    throw new Error(`${route} answers ${code} with a shape it does not declare, at ${where?.path || "/"}`);
  }
  if (endpoint.versioned !== false && given.etag !== false) {
    const { version } = given.body as { readonly version?: unknown };
    if (typeof version === "number") headers.etag ??= etagOf(version);
  }
  return { status: code, headers, cookies, body: JSON.stringify(given.body) };
}
