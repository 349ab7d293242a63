/**
 * The shell around every endpoint: what arrives is bounded and read strictly, who asks is established, what leaves is
 * checked against its schema and carries the same headers everywhere. Elysia routes and validates.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { type TObject, type TSchema, Type } from "@sinclair/typebox";
import { TypeCheck, TypeCompiler, type ValueError, ValueErrorType } from "@sinclair/typebox/compiler";
import { Value } from "@sinclair/typebox/value";
import { Elysia, ValidationError } from "elysia";
import type { Actor, Around } from "../actor.ts";
import type { Deps } from "../deps.ts";
import {
  databaseUnavailable,
  type FieldError,
  forbidden,
  notFound,
  type Refusal,
  type RefusalType,
  unauthenticated,
} from "../errors.ts";
import * as idempotency from "../idempotency/idempotency.ts";
import { checkJsonType, hasBody, readBody, uploadType } from "./body.ts";
import { checkOrigin, readCookie, readCredential, type Site, setCookie } from "./credentials.ts";
import { type Document, documentOf, documentPlugin } from "./docs.ts";
import {
  type Answer,
  answer,
  type CookieName,
  type Endpoint,
  type IfMatch,
  isAnswer,
  type Upload,
} from "./endpoint.ts";
import { etagOf, matchesNone, readIfMatch } from "./etag.ts";
import { parseJson, pointerOf } from "./json.ts";
import { type Lease, openLimits } from "./limits.ts";
import { type Metrics, openMetrics } from "./metrics.ts";
import { compileKey, openPage, type Page } from "./page.ts";
import {
  bodyTimeout,
  internalProblem,
  invalidRequest,
  malformedHeader,
  malformedJson,
  malformedRequest,
  methodNotAllowed,
  type Problem,
  preconditionRequired,
  problemHeaders,
  problemOf,
  refusalOf,
  requestTimeout,
  uriTooLong,
} from "./problem.ts";
import { coerceQuery, type Pairs, readQuery } from "./query.ts";
import { refusalsOf } from "./refusals.ts";
import { queryOf, register } from "./register.ts";
import { docsRoutes } from "./swagger-ui.ts";
import { isBinary } from "./wire.ts";

export const URL_LIMIT = 4096;
/** How long a body may take to arrive, in milliseconds. */
export const BODY_DEADLINE_MS = 10_000;
/** How long `/readyz` waits for the database, in milliseconds. */
export const READY_MS = 200;

export interface Probes {
  /** Whether the database answers. */
  ready(): Promise<boolean>;
  /** Gauges for `/metrics`, by name: pool, cache, queue. */
  gauges?(): Readonly<Record<string, number>>;
}

export interface AppOptions {
  readonly deps: Deps;
  readonly endpoints: readonly Endpoint[];
  /** The live session behind a token, or null. */
  readonly authenticate: (deps: Deps, token: string) => Promise<Actor | null>;
  readonly probes: Probes;
  /** Of the program, for the document. */
  readonly version?: string;
}

/** What knows the other end of a connection: Bun's server. */
export interface Peer {
  requestIP(request: Request): { readonly address: string } | null;
}

export interface App {
  /** Answers a request, whatever happens: it never rejects. */
  handle(request: Request, peer?: Peer): Promise<Response>;
  readonly endpoints: readonly Endpoint[];
  openapi(): Promise<Document>;
  readonly metrics: Metrics;
  /** Longest time of one request, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** From now on `/readyz` says no, and connections are asked to close. */
  drain(): void;
  /** Requests under way. */
  underWay(): number;
  /** Stops the clock that watches deadlines. */
  close(): void;
}

const PROBLEM_JSON = "application/problem+json";
const JSON_TYPE = "application/json";
/** Nothing an API answers is ever rendered, framed or scripted. */
const API_CSP = "default-src 'none'; frame-ancestors 'none'";
const HIDDEN = { detail: { hide: true } };

/** What is known of an endpoint once and for all. */
interface Prepared {
  readonly endpoint: Endpoint;
  readonly route: string;
  readonly refusals: ReadonlyMap<string, RefusalType>;
  readonly query: TObject;
  readonly names: readonly string[];
  readonly answers: ReadonlyMap<
    number,
    { readonly schema: TSchema | null; readonly check: TypeCheck<TSchema> | null }
  >;
  readonly status: number;
  readonly pageKey: TypeCheck<TSchema> | null;
  readonly ifMatch: "ignored" | "optional" | "required";
}

interface Rendered {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly cookies: readonly string[];
  readonly body: string | Uint8Array | Blob | ReadableStream | null;
}

/** One request on its way through. A class, because there is one per request and its methods then cost nothing. */
class Exchange {
  readonly requestId = Bun.randomUUIDv7();
  readonly startedAt = performance.now();
  readonly request: Request;
  readonly peer: Peer | undefined;
  readonly secure: boolean;
  readonly trustedProxies: number;
  prepared: Prepared | null = null;
  route = "other";
  actor: Actor | null = null;
  lease: Lease | null = null;
  body: Uint8Array = NOTHING;
  upload: Upload | undefined = undefined;
  ifMatch: IfMatch | null = null;
  pairs: Pairs = [];
  claim: idempotency.Claim | null = null;
  /** The answer kept with the effect, once it is. */
  kept: idempotency.Kept | null = null;
  readingBody = false;
  slug: string | undefined = undefined;
  response: Response | null = null;
  settle: ((response: Response) => void) | null = null;

  constructor(request: Request, peer: Peer | undefined, site: Site, trustedProxies: number) {
    this.request = request;
    this.peer = peer;
    this.secure = site.secure;
    this.trustedProxies = trustedProxies;
  }

  get address(): string {
    const direct = this.peer?.requestIP(this.request)?.address ?? "127.0.0.1";
    if (this.trustedProxies === 0) return direct;
    const hops = this.request.headers.get("x-forwarded-for")?.split(",") ?? [];
    // Each trusted proxy appended whom it saw; what stands further left is hearsay.
    const seen = hops[hops.length - this.trustedProxies]?.trim() ?? "";
    return /^[0-9a-fA-F.:]{2,45}$/.test(seen) ? seen : direct;
  }

  get userAgent(): string | null {
    return this.request.headers.get("user-agent")?.slice(0, 512) ?? null;
  }

  get traceId(): string | null {
    return this.traceparent?.slice(3, 35) ?? null;
  }

  /** W3C Trace Context, when well-formed. */
  get traceparent(): string | null {
    const header = this.request.headers.get("traceparent");
    return header !== null && /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(header)
      ? header
      : null;
  }

  cookie(name: CookieName): string | null {
    return readCookie(this.request.headers, name, this.secure);
  }

  header(name: string): string | null {
    return this.request.headers.get(name);
  }
}

const NOTHING = new Uint8Array(0);

const DOT = 0x2e;
const EXPOSED =
  "ETag, Idempotency-Replayed, Link, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id";
const TAKEN = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Traceparent";

// -------------------------------------------------------------------- preparation

function prepare(endpoints: readonly Endpoint[]): readonly Prepared[] {
  const seen = new Set<string>();
  return endpoints.map((endpoint) => {
    const route = `${endpoint.method} ${endpoint.path}`;
    const shape = route.replace(/:[a-zA-Z]+/g, ":");
    if (seen.has(shape)) throw new Error(`${route} is declared twice`);
    seen.add(shape);
    const query = queryOf(endpoint) ?? Type.Object({});
    const [status] = endpoint.answers.keys();
    if (status === undefined) throw new Error(`${route} declares no answer`);
    return {
      endpoint,
      route,
      status,
      refusals: refusalsOf(endpoint),
      query,
      names: Object.keys(query.properties),
      answers: new Map(
        [...endpoint.answers].map(([code, schema]) => [
          code,
          { schema, check: schema === null ? null : TypeCompiler.Compile(schema) },
        ]),
      ),
      pageKey: endpoint.page === undefined ? null : compileKey(endpoint.page),
      ifMatch: ifMatchRule(endpoint),
    };
  });
}

function ifMatchRule({ method, versioned }: Endpoint): Prepared["ifMatch"] {
  if (versioned === "if-match") return "required";
  if (versioned === false || method === "GET") return "ignored";
  return method === "PUT" || method === "PATCH" ? "required" : "optional";
}

/**
 * Builds the app. Throws when an endpoint contradicts itself or another one: a mistake in a route is found at start.
 */
export function buildApp(options: AppOptions): App {
  const { deps, endpoints, authenticate, probes } = options;
  const { config, keys, log } = deps;
  const publicOrigin = config.publicUrl === null ? null : new URL(config.publicUrl).origin;
  const site: Site = {
    secure: publicOrigin?.startsWith("https:") ?? false,
    origin: publicOrigin,
    corsOrigins: new Set(config.corsOrigins),
  };
  const limits = openLimits(config);
  const metrics = openMetrics();
  const prepared = prepare(endpoints);
  const exchanges = new WeakMap<Request, Exchange>();
  /** In order of arrival, which is the order of their deadlines. */
  const underWay = new Set<Exchange>();
  const claimsUnderWay = new Map<string, Promise<boolean>>();
  let draining = false;

  const exchangeOf = (request: Request): Exchange => {
    const exchange = exchanges.get(request);
    if (exchange === undefined) throw new Error("a request that did not come through handle");
    return exchange;
  };

  // ---------------------------------------------------------------- answers

  const headersOf = (exchange: Exchange, type: string | null): Record<string, string> => {
    const headers: Record<string, string> = {
      "cache-control": "no-store",
      "content-security-policy": API_CSP,
      "referrer-policy": "no-referrer",
      vary: "Authorization, Cookie, Origin",
      "x-content-type-options": "nosniff",
      "x-request-id": exchange.requestId,
    };
    if (type !== null) headers["content-type"] = type;
    const { lease, traceparent } = exchange;
    if (lease !== null) {
      // draft-ietf-httpapi-ratelimit-headers-06 §5: the plain form that clients in the field understand.
      headers["ratelimit-limit"] = String(lease.limit);
      headers["ratelimit-remaining"] = String(lease.remaining);
      headers["ratelimit-reset"] = String(lease.reset);
    }
    if (traceparent !== null) headers.traceparent = traceparent;
    if (site.secure) headers["strict-transport-security"] = "max-age=31536000";
    if (draining) headers.connection = "close";
    const origin = exchange.request.headers.get("origin");
    if (origin !== null && site.corsOrigins.has(origin)) {
      headers["access-control-allow-origin"] = origin;
      headers["access-control-allow-credentials"] = "true";
      headers["access-control-expose-headers"] = EXPOSED;
    }
    return headers;
  };

  const respond = (
    exchange: Exchange,
    status: number,
    headers: Record<string, string>,
    body: Rendered["body"],
  ): Response => {
    if (exchange.request.method !== "HEAD") return new Response(body, { status, headers });
    if (typeof body === "string") headers["content-length"] = String(Buffer.byteLength(body));
    return new Response(null, { status, headers });
  };

  const problem = (exchange: Exchange, body: Problem, extra: Record<string, string>): Response => {
    const headers = Object.assign(headersOf(exchange, PROBLEM_JSON), extra);
    // A body that was not read would be taken for the next request on this connection.
    if (body.status === 408 || body.status === 413 || body.status === 431) headers.connection = "close";
    return respond(exchange, body.status, headers, JSON.stringify(body));
  };

  const refuse = (exchange: Exchange, refused: Refusal): Response => {
    exchange.slug = refused.slug;
    return problem(exchange, problemOf(refused, exchange.requestId), problemHeaders(refused));
  };

  const failure = (exchange: Exchange, error: unknown): Response => {
    const refused = refusalOf(error);
    if (refused !== null) {
      const { prepared: ready, requestId, route } = exchange;
      if (ready !== null && !ready.refusals.has(refused.slug)) {
        log.warn("refusal_not_declared", { requestId, route, slug: refused.slug });
      }
      return refuse(exchange, refused);
    }
    log.error("request_failed", { requestId: exchange.requestId, route: exchange.route, error });
    return problem(exchange, internalProblem(exchange.requestId), {});
  };

  const send = (exchange: Exchange, rendered: Rendered): Response => {
    const { status, body, cookies } = rendered;
    const etag = rendered.headers.etag;
    const headers = Object.assign(headersOf(exchange, body === null ? null : JSON_TYPE), rendered.headers);
    const { request } = exchange;
    if (etag !== undefined && (request.method === "GET" || request.method === "HEAD")) {
      const known = request.headers.get("if-none-match");
      if (known !== null && matchesNone(known, etag)) {
        delete headers["content-type"];
        return respond(exchange, 304, headers, null);
      }
    }
    const response = respond(exchange, status, headers, body);
    for (const cookie of cookies) response.headers.append("set-cookie", cookie);
    return response;
  };

  /** Turns what `present` gave into bytes. Throws when it does not fit the declared schema: nothing else goes out. */
  const render = ({ endpoint, answers, status, route }: Prepared, presented: unknown): Rendered => {
    const given: Answer<unknown> = isAnswer(presented) ? presented : answer(presented);
    const code = given.status ?? status;
    const declared = answers.get(code);
    if (declared === undefined) throw new Error(`${route} does not declare the answer ${code}`);
    const headers: Record<string, string> = { ...given.headers };
    const cookies = Object.entries(given.cookies ?? {}).flatMap(([name, cookie]) =>
      cookie === undefined ? [] : [setCookie(name as CookieName, cookie, site.secure)],
    );
    if (declared.check === null || declared.schema === null)
      return { status: code, headers, cookies, body: null };
    if (isBinary(declared.schema)) {
      return { status: code, headers, cookies, body: given.body as Uint8Array | Blob | ReadableStream };
    }
    if (!declared.check.Check(given.body)) {
      const where = declared.check.Errors(given.body).First();
      throw new Error(`${route} answers ${code} with a shape it does not declare, at ${where?.path || "/"}`);
    }
    if (endpoint.versioned !== false) {
      const { version } = given.body as { readonly version?: unknown };
      if (typeof version === "number") headers.etag ??= etagOf(version);
    }
    return { status: code, headers, cookies, body: JSON.stringify(given.body) };
  };

  // ---------------------------------------------------------------- admission

  const admit = async (exchange: Exchange, ready: Prepared, search: string): Promise<void> => {
    const { request } = exchange;
    const { headers, method } = request;
    const { endpoint } = ready;
    exchange.prepared = ready;
    exchange.route = ready.route;
    const safe = method === "GET" || method === "HEAD";

    if (endpoint.access === "public") {
      exchange.lease = limits.address(exchange.address, exchange.startedAt);
      if (!safe && !headers.has("authorization")) checkOrigin(headers, site, false);
    } else {
      exchange.actor = await identify(exchange, safe);
      const { organizationId, userId, role } = exchange.actor;
      exchange.lease = limits.user(organizationId, userId, exchange.startedAt);
      if (endpoint.access.roles !== null && !endpoint.access.roles.includes(role)) throw forbidden();
    }

    exchange.pairs = readQuery(search, ready.names);
    if (ready.ifMatch !== "ignored") {
      const header = headers.get("if-match");
      if (header !== null) exchange.ifMatch = readIfMatch(header);
      else if (ready.ifMatch === "required") throw preconditionRequired();
    }
    if (safe) {
      if (hasBody(headers)) throw malformedRequest({ detail: `${method} takes no body.` });
      return;
    }
    const mediaType = endpoint.upload === undefined ? null : uploadType(headers, endpoint.upload);
    if (mediaType === null && hasBody(headers)) checkJsonType(headers);
    exchange.readingBody = true;
    exchange.body = await readBody(request, endpoint.bodyLimit);
    exchange.readingBody = false;
    if (mediaType !== null) exchange.upload = { mediaType, bytes: exchange.body };
    if (method === "POST") claimKey(exchange, ready.route, search);
  };

  const identify = async (exchange: Exchange, safe: boolean): Promise<Actor> => {
    const { headers } = exchange.request;
    const credential = readCredential(headers, site.secure);
    if (credential !== null) {
      if (credential.from === "cookie" && !safe) checkOrigin(headers, site, true);
      const actor = await authenticate(deps, credential.token);
      if (actor !== null) return actor;
    }
    // Only who is nobody is counted by address: a school has one address for a thousand pupils.
    exchange.lease = limits.address(exchange.address, exchange.startedAt);
    throw unauthenticated();
  };

  const claimKey = (exchange: Exchange, route: string, search: string): void => {
    const key = exchange.request.headers.get("idempotency-key");
    if (key === null) return;
    if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
      throw malformedHeader({ detail: "Idempotency-Key must be 1 to 255 visible ASCII characters." });
    }
    const { actor, request } = exchange;
    const path = pathOf(request.url);
    exchange.claim = idempotency.claim(
      keys,
      [actor?.organizationId ?? "", actor?.userId ?? "", route, path, search],
      key,
      exchange.body,
    );
  };

  /** The parsed body, for the schema to check. */
  const parsedBody = ({ request, body }: Exchange, { endpoint }: Prepared): unknown => {
    if (endpoint.upload !== undefined) return null;
    if (body.byteLength === 0) {
      if (endpoint.body === undefined) return null;
      throw malformedJson({ detail: "A JSON body is needed." });
    }
    // A request without the usual headers (made in process) is checked here.
    checkJsonType(request.headers);
    const value = parseJson(body);
    if (endpoint.body !== undefined) return value;
    if (typeof value === "object" && value !== null && Object.keys(value).length === 0) return null;
    throw invalidRequest({ detail: "No body is taken here." });
  };

  // ---------------------------------------------------------------- the work

  const work = async (
    exchange: Exchange,
    ready: Prepared,
    input: { readonly params: unknown; readonly query: unknown; readonly body: unknown },
  ): Promise<Response> => {
    const { endpoint } = ready;
    const { claim } = exchange;
    const wrapped: Around | undefined =
      claim === null
        ? undefined
        : idempotency.around(claim, (result) => {
            exchange.kept = keep(render(ready, endpoint.present(result, call)));
            return exchange.kept;
          });
    const { actor } = exchange;
    const call = {
      deps,
      actor: actor === null || wrapped === undefined ? actor : { ...actor, around: wrapped },
      around: wrapped,
      params: input.params,
      query: input.query,
      body: input.body,
      upload: exchange.upload,
      ifMatch: exchange.ifMatch,
      page: ready.pageKey === null ? null : pageOf(exchange, ready, ready.pageKey, input.query),
      client: exchange,
      newId: () => (claim === null ? Bun.randomUUIDv7() : idempotency.idOf(keys, claim)),
    };
    if (claim === null)
      return send(exchange, render(ready, endpoint.present(await endpoint.handle(call), call)));
    return once(claim, async () => {
      try {
        const result = await endpoint.handle(call);
        if (exchange.kept !== null) return send(exchange, exchange.kept);
        log.warn("idempotency_key_without_effect", { requestId: exchange.requestId, route: ready.route });
        return send(exchange, render(ready, endpoint.present(result, call)));
      } catch (error) {
        if (!(error instanceof idempotency.Replay)) throw error;
        const { headers, ...kept } = error.kept;
        return send(exchange, { ...kept, headers: { ...headers, "idempotency-replayed": "true" } });
      }
    });
  };

  /**
   * Equal requests on this node wait here rather than each on a connection of the pool. Once one has taken effect the
   * others go on together and find its answer; when it was refused the next one tries.
   */
  const once = async (claim: idempotency.Claim, run: () => Promise<Response>): Promise<Response> => {
    const id = Buffer.from(claim.keyHash).toString("base64");
    for (let other = claimsUnderWay.get(id); other !== undefined; other = claimsUnderWay.get(id)) {
      if (await other) return run();
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    claimsUnderWay.set(id, promise);
    let done = false;
    try {
      const response = await run();
      done = true;
      return response;
    } finally {
      claimsUnderWay.delete(id);
      resolve(done);
    }
  };

  const pageOf = (
    exchange: Exchange,
    ready: Prepared,
    key: TypeCheck<TSchema>,
    query: unknown,
  ): Page<unknown> => {
    const { limit, cursor } = query as { readonly limit: number; readonly cursor?: string };
    const filters = exchange.pairs.filter(([name]) => name !== "limit" && name !== "cursor");
    const sorted = filters.map(([name, value]) => `${name}=${value}`).sort();
    const path = pathOf(exchange.request.url);
    return openPage(key, {
      keys,
      list: [ready.route, path, exchange.actor?.organizationId ?? "", ...sorted],
      limit,
      cursor,
      path,
      filters,
    });
  };

  // ---------------------------------------------------------------- routes

  const elysia = new Elysia({ normalize: false, strictPath: true })
    .use(documentPlugin())
    .onError(({ error, request }) => {
      const exchange = exchangeOf(request);
      // What was thrown while reading the body comes wrapped.
      const thrown = isParseError(error) ? error.cause : error;
      exchange.response = elysiaFailure(exchange, thrown);
      return exchange.response;
    });

  const elysiaFailure = (exchange: Exchange, error: unknown): Response => {
    if (error instanceof ValidationError) return refuse(exchange, shapeRefusal(error));
    if (isNotFound(error)) {
      const allow = allowed(prepared, pathOf(exchange.request.url));
      return refuse(exchange, allow.length === 0 ? notFound() : methodNotAllowed({ allow }));
    }
    return failure(exchange, error);
  };

  for (const ready of prepared) {
    register(elysia, ready.endpoint, {
      admit: async (context) => {
        const exchange = exchangeOf(context.request);
        const { url } = context.request;
        const question = url.indexOf("?");
        await admit(exchange, ready, question === -1 ? "" : url.slice(question + 1));
        context.query = coerceQuery(exchange.pairs, ready.query);
        return ready.endpoint.method === "GET" ? undefined : parsedBody(exchange, ready);
      },
      handle: async (context) => {
        const exchange = exchangeOf(context.request);
        exchange.response = await work(exchange, ready, context);
        return exchange.response;
      },
    });
  }

  const plain = (exchange: Exchange, status: number, body: string): Response => {
    const headers = headersOf(exchange, "text/plain; charset=utf-8");
    return respond(exchange, status, headers, body);
  };

  const raw = (path: string, answerTo: (exchange: Exchange) => Promise<Response> | Response): void => {
    elysia.get(
      path,
      async ({ request }) => {
        const exchange = exchangeOf(request);
        exchange.route = `GET ${path}`;
        exchange.response = await answerTo(exchange);
        return exchange.response;
      },
      HIDDEN,
    );
  };

  raw("/livez", (exchange) => plain(exchange, 200, "alive\n"));
  raw("/readyz", async (exchange) => {
    if (draining) throw databaseUnavailable({ detail: "Shutting down." });
    const late = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => late.resolve(false), READY_MS);
    const ready = await Promise.race([probes.ready().catch(() => false), late.promise]);
    clearTimeout(timer);
    if (!ready) throw databaseUnavailable();
    return plain(exchange, 200, "ready\n");
  });
  raw("/metrics", (exchange) => {
    checkMetricsAccess(exchange, config.metricsToken);
    const headers = headersOf(exchange, "text/plain; version=0.0.4; charset=utf-8");
    return respond(
      exchange,
      200,
      headers,
      metrics.text({ http_requests_under_way: underWay.size, ...probes.gauges?.() }),
    );
  });
  for (const { path, headers, body } of docsRoutes()) {
    raw(path, (exchange) => respond(exchange, 200, { ...headersOf(exchange, null), ...headers }, body()));
  }
  let document: Promise<Document> | null = null;
  const openapi = (): Promise<Document> => {
    document ??= documentOf(elysia, endpoints, options.version ?? "0.0.0", publicOrigin);
    return document;
  };
  raw("/openapi.json", async (exchange) => {
    const headers = headersOf(exchange, JSON_TYPE);
    return respond(exchange, 200, headers, JSON.stringify(await openapi()));
  });

  // ---------------------------------------------------------------- the way in and out

  const preflight = (exchange: Exchange): Response => {
    const { headers, url } = exchange.request;
    const allow = allowed(prepared, pathOf(url));
    if (allow.length === 0) return refuse(exchange, notFound());
    const answered = headersOf(exchange, null);
    answered.allow = allow.join(", ");
    if (headers.has("access-control-request-method") && "access-control-allow-origin" in answered) {
      answered["access-control-allow-methods"] = allow.join(", ");
      answered["access-control-allow-headers"] = TAKEN;
      answered["access-control-max-age"] = "600";
    }
    return respond(exchange, 204, answered, null);
  };

  /** What can be said of a request before it is routed; null when nothing speaks against it. */
  const early = (exchange: Exchange): Response | null => {
    const { request } = exchange;
    const { url, method, headers } = request;
    // Without a Host (HTTP/1.0), or for CONNECT, Bun gives an address that is none.
    if (!url.startsWith("http"))
      return refuse(exchange, malformedRequest({ detail: "The Host is missing." }));
    // Two Host headers come joined; a proxy in front may have looked at the other one.
    if (headers.get("host")?.includes(",")) {
      return refuse(exchange, malformedRequest({ detail: "The Host is not unique." }));
    }
    const path = url.indexOf("/", 8);
    if (url.length - path > URL_LIMIT) return refuse(exchange, uriTooLong());
    // The document's raw form is for ourselves.
    if (url.charCodeAt(path + 1) === DOT) return refuse(exchange, notFound());
    if (method === "OPTIONS") return preflight(exchange);
    return null;
  };

  const finish = (exchange: Exchange, response: Response): void => {
    const { settle } = exchange;
    if (settle === null) return;
    exchange.settle = null;
    underWay.delete(exchange);
    const milliseconds = performance.now() - exchange.startedAt;
    metrics.observe(exchange.route, response.status, milliseconds / 1000);
    log.info("request", {
      requestId: exchange.requestId,
      ...(exchange.traceId === null ? {} : { traceId: exchange.traceId }),
      ...(exchange.actor === null
        ? {}
        : { organizationId: exchange.actor.organizationId, userId: exchange.actor.userId }),
      method: exchange.request.method,
      route: exchange.route,
      status: response.status,
      milliseconds: Math.round(milliseconds * 1000) / 1000,
      ...(exchange.slug === undefined ? {} : { slug: exchange.slug }),
    });
    settle(response);
  };

  const handle = (request: Request, peer?: Peer): Promise<Response> =>
    new Promise((resolve) => {
      const exchange = new Exchange(request, peer, site, config.trustedProxies);
      exchange.settle = resolve;
      underWay.add(exchange);
      const done = (response: Response): void => {
        exchange.lease?.release();
        finish(exchange, response);
      };
      try {
        const refused = early(exchange);
        if (refused !== null) return done(refused);
        exchanges.set(request, exchange);
        const answered: Response | Promise<Response> = elysia.handle(request);
        Promise.resolve(answered).then(
          (response) => done(exchange.response ?? response),
          (error) => done(failure(exchange, error)),
        );
      } catch (error) {
        done(failure(exchange, error));
      }
    });

  /** The oldest come first, so that a sweep looks at no more than it ends and one. */
  const sweep = (): void => {
    const now = performance.now();
    for (const exchange of underWay) {
      const age = now - exchange.startedAt;
      if (exchange.readingBody && age >= Math.min(BODY_DEADLINE_MS, config.requestTimeoutMs)) {
        finish(exchange, refuse(exchange, bodyTimeout()));
      } else if (age >= config.requestTimeoutMs) {
        finish(exchange, refuse(exchange, requestTimeout()));
      } else if (age < Math.min(BODY_DEADLINE_MS, config.requestTimeoutMs)) {
        break;
      }
    }
  };
  const clock = setInterval(sweep, Math.max(10, Math.min(250, config.requestTimeoutMs / 10)));
  clock.unref();

  return {
    handle,
    endpoints,
    openapi,
    metrics,
    requestTimeoutMs: config.requestTimeoutMs,
    drain: () => {
      draining = true;
    },
    underWay: () => underWay.size,
    close: () => clearInterval(clock),
  };
}

// -------------------------------------------------------------------- small things

function pathOf(url: string): string {
  const start = url.indexOf("/", 8);
  const end = url.indexOf("?", start);
  return end === -1 ? url.slice(start) : url.slice(start, end);
}

/** The methods that an address takes; none when there is no such address. Only asked when a request went astray. */
function allowed(prepared: readonly Prepared[], path: string): readonly string[] {
  const parts = path.split("/");
  const methods = prepared
    .filter(({ endpoint }) => {
      const template = endpoint.path.split("/");
      return (
        template.length === parts.length &&
        template.every((part, at) => (part.startsWith(":") ? parts[at] !== "" : part === parts[at]))
      );
    })
    .map(({ endpoint }) => endpoint.method as string);
  if (methods.length === 0) return [];
  return [...new Set(methods), ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"].sort();
}

function isParseError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && error.code === "PARSE" && error.cause !== undefined;
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "NOT_FOUND";
}

function keep({ status, headers, cookies, body }: Rendered): idempotency.Kept {
  if (body !== null && typeof body !== "string")
    throw new Error("bytes cannot be kept for an Idempotency-Key");
  return { status, headers, cookies, body };
}

/** What a schema refused: where and why, in our own words, since the library's may quote the value. */
function shapeRefusal(error: ValidationError): Refusal {
  // An id that cannot be one is answered like an id that does not exist.
  if (error.type === "params") return notFound();
  const root = error.type === "query" ? "#/query" : "#";
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  const { validator, value } = error as {
    readonly validator: TypeCheck<TSchema> | TSchema;
    readonly value: unknown;
  };
  // Elysia hands over the bare schema when a transform, and not the check, found the fault.
  const problems = validator instanceof TypeCheck ? validator.Errors(value) : Value.Errors(validator, value);
  for (const problem of problems) {
    const names = problem.path
      .split("/")
      .slice(1)
      .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
    const pointer = pointerOf(names, root);
    if (seen.has(pointer)) continue;
    seen.add(pointer);
    errors.push({ pointer, detail: reasonOf(problem) });
    if (errors.length === 20) break;
  }
  return invalidRequest({ errors });
}

function reasonOf({ type, schema }: ValueError): string {
  switch (type) {
    case ValueErrorType.ObjectAdditionalProperties:
    case ValueErrorType.IntersectUnevaluatedProperties:
      return "is not a field that is known here";
    case ValueErrorType.ObjectRequiredProperty:
      return "is required";
    case ValueErrorType.StringMinLength:
      return schema.minLength === 1
        ? "must not be empty"
        : `must have at least ${schema.minLength} characters`;
    case ValueErrorType.StringMaxLength:
      return `must have at most ${schema.maxLength} characters`;
    case ValueErrorType.StringFormat:
      return `must be a well-formed ${schema.format}`;
    case ValueErrorType.StringPattern:
      return `must match ${schema.pattern}`;
    case ValueErrorType.NumberMinimum:
    case ValueErrorType.IntegerMinimum:
      return `must be at least ${schema.minimum}`;
    case ValueErrorType.NumberMaximum:
    case ValueErrorType.IntegerMaximum:
      return `must be at most ${schema.maximum}`;
    case ValueErrorType.ArrayMinItems:
      return `must have at least ${schema.minItems} items`;
    case ValueErrorType.ArrayMaxItems:
      return `must have at most ${schema.maxItems} items`;
    case ValueErrorType.ArrayUniqueItems:
      return "must not have the same item twice";
    case ValueErrorType.ObjectMinProperties:
      return `must have at least ${schema.minProperties} fields`;
    case ValueErrorType.ObjectMaxProperties:
      return `must have at most ${schema.maxProperties} fields`;
    default:
      return `must be ${describe(schema)}`;
  }
}

function describe(schema: TSchema): string {
  const options: unknown = schema.anyOf;
  if (Array.isArray(options)) {
    const [first, ...others] = [...new Set((options as readonly TSchema[]).map(describe))];
    return others.length === 0 ? (first ?? "something else") : [first, ...others].join(" or ");
  }
  if ("const" in schema) return JSON.stringify(schema.const);
  switch (schema.type) {
    case "integer":
      return "a whole number";
    case "string":
      return "a string";
    case "object":
      return "an object";
    case "array":
      return "an array";
    case undefined:
      return "something else";
    default:
      return `a ${schema.type}`.replace("a null", "null");
  }
}

/** Metrics tell how much a school is used: for who holds the token, without one for this machine only. */
function checkMetricsAccess(exchange: Exchange, token: string | null): void {
  const { headers } = exchange.request;
  if (token !== null) {
    const given = createHash("sha256")
      .update(headers.get("authorization") ?? "")
      .digest();
    if (!timingSafeEqual(given, createHash("sha256").update(`Bearer ${token}`).digest()))
      throw unauthenticated();
    return;
  }
  // Behind a proxy on this machine everybody seems to be local.
  const proxied = headers.has("x-forwarded-for") || headers.has("forwarded") || headers.has("via");
  if (proxied || !/^(127\.|::1$|::ffff:127\.)/.test(exchange.address)) throw forbidden();
}
