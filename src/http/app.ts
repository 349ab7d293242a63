/**
 * The shell around every endpoint: what arrives is bounded and read strictly, who asks is established, what leaves is
 * checked against its schema and carries the same headers everywhere. Elysia routes and validates.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { TSchema } from "@sinclair/typebox";
import type { TypeCheck } from "@sinclair/typebox/compiler";
import { Elysia, ValidationError } from "elysia";
import type { Actor, Around } from "../actor.ts";
import { audit } from "../audit/audit.ts";
import type { Deps } from "../deps.ts";
import {
  databaseUnavailable,
  forbidden,
  invalidRequest,
  malformedJson,
  notFound,
  preconditionRequired,
  unauthenticated,
} from "../errors.ts";
import * as idempotency from "../idempotency/idempotency.ts";
import { parseJson } from "../json.ts";
import {
  apiKeyNotAllowed,
  authorize,
  reauthenticationRequired,
  secondFactorRequired,
} from "../permissions.ts";
import { JSON_TYPE, openResponder, type Rendered, render } from "./answers.ts";
import { checkEncoding, checkJsonType, hasBody, readBody, uploadType } from "./body.ts";
import { checkOrigin, readCredential, type Site } from "./credentials.ts";
import { type Document, documentOf, documentPlugin } from "./docs.ts";
import type { Endpoint } from "./endpoint.ts";
import { readIfMatch } from "./etag.ts";
import { Exchange, type Peer, type Prepared, pathOf, prepare } from "./exchange.ts";
import { openLimits } from "./limits.ts";
import { linkPageRoutes } from "./link-pages.ts";
import {
  MAIL_PAGE_CHALLENGE,
  MAIL_PAGE_HEADERS,
  type Mailbox,
  mailListPage,
  mailPage,
  opensMailbox,
} from "./mail-page.ts";
import { type Metrics, openMetrics } from "./metrics.ts";
import { openPage, type Page, PRESENTATION } from "./page.ts";
import {
  bodyTimeout,
  malformedHeader,
  malformedRequest,
  methodNotAllowed,
  requestTimeout,
  uriTooLong,
} from "./problem.ts";
import { coerceQuery, readQuery } from "./query.ts";
import { register } from "./register.ts";
import { shapeRefusal } from "./shape.ts";
import { arriving, leaving, openFlows } from "./streams.ts";
import { docsRoutes } from "./swagger-ui.ts";

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
  /** Who a token stands for, or null. `address` is where it comes from. */
  readonly authenticate: (deps: Deps, token: string, address: string) => Promise<Actor | null>;
  readonly probes: Probes;
  /** Of the program, for the document. */
  readonly version?: string;
  /** The mailbox as a page, where the operator sits at the machine. */
  readonly mailbox?: Mailbox;
}

export interface App {
  /** Answers a request, whatever happens: it never rejects. */
  handle(request: Request, peer?: Peer): Promise<Response>;
  readonly endpoints: readonly Endpoint[];
  openapi(): Promise<Document>;
  readonly metrics: Metrics;
  /** How long the transport may leave a connection that is silent, in seconds: longer than any deadline here. */
  readonly idleSeconds: number;
  /** From now on `/readyz` says no, and connections are asked to close. */
  drain(): void;
  /** Requests under way. */
  underWay(): number;
  /** Stops the clock that watches deadlines. */
  close(): void;
}

/** Refusals because of who asks. */
const LACKING: ReadonlySet<string> = new Set(
  [forbidden, apiKeyNotAllowed, secondFactorRequired, reauthenticationRequired].map(({ slug }) => slug),
);
const HIDDEN = { detail: { hide: true } };
const DOT = 0x2e;
const TAKEN = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Traceparent";

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
    trustedProxies: config.trustedProxies,
  };
  const limits = openLimits(config);
  const metrics = openMetrics();
  const prepared = prepare(endpoints);
  const exchanges = new WeakMap<Request, Exchange>();
  /** In order of arrival, which is the order of their deadlines. */
  const underWay = new Set<Exchange>();
  const claimsUnderWay = new Map<string, Promise<boolean>>();
  let draining = false;
  const flows = openFlows(config.streamTimeoutMs);
  const idleSeconds = Math.min(
    255,
    Math.ceil(Math.max(config.requestTimeoutMs, BODY_DEADLINE_MS) / 1000) + 10,
  );
  const { headersOf, respond, refuse, fail, send } = openResponder(
    site,
    log,
    () => draining,
    (exchange, body, from, to) => {
      exchange.leaving = true;
      silence(exchange, 0);
      return leaving(
        () => body.read(from, to),
        to - from,
        flows,
        (error) => {
          const { requestId, route } = exchange;
          if (error !== null) log.error("answer_cut_off", { requestId, route, error });
          exchange.leaving = false;
          exchange.lease?.release();
          silence(exchange, idleSeconds);
        },
      );
    },
  );

  /** A stream may stand still for longer than the transport would wait; the flows watch it instead. */
  const silence = ({ peer, arrived }: Exchange, seconds: number): void => peer?.timeout?.(arrived, seconds);

  const exchangeOf = (request: Request): Exchange => {
    const exchange = exchanges.get(request);
    if (exchange === undefined) throw new Error("a request that did not come through handle");
    return exchange;
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
      const { userId, apiKeyId } = exchange.actor;
      exchange.lease =
        apiKeyId === undefined
          ? limits.user(exchange.actor, userId, exchange.startedAt)
          : limits.apiKey(exchange.actor, apiKeyId, exchange.startedAt);
      authorize(endpoint.access, exchange.actor);
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
    if (endpoint.stream !== undefined) {
      openIncoming(exchange, endpoint.stream, ready.route, search);
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
      const actor = await authenticate(deps, credential.token, exchange.address);
      if (actor !== null) {
        const { address, userAgent } = exchange;
        return { ...actor, origin: { address, userAgent, deviceToken: null } };
      }
    }
    // Only who is nobody is counted by address: a school has one address for a thousand pupils.
    exchange.lease = limits.address(exchange.address, exchange.startedAt);
    throw unauthenticated();
  };

  const claimKey = (exchange: Exchange, route: string, search: string): void => {
    const claimOf = readKey(exchange, route, search);
    if (claimOf !== null) exchange.claim = claimOf(exchange.body);
  };

  const readKey = (exchange: Exchange, route: string, search: string) => {
    const key = exchange.request.headers.get("idempotency-key");
    if (key === null) return null;
    if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
      throw malformedHeader({ detail: "Idempotency-Key must be 1 to 255 visible ASCII characters." });
    }
    const { actor, request } = exchange;
    const scope = [actor?.organizationId ?? "", actor?.userId ?? "", route, pathOf(request.url), search];
    return (body: Uint8Array) => idempotency.claim(keys, scope, key, body);
  };

  /** Hands the body on as it comes. An Idempotency-Key claims its hash, and what it was sent as. */
  const openIncoming = (
    exchange: Exchange,
    taken: readonly string[],
    route: string,
    search: string,
  ): void => {
    const { request } = exchange;
    const { headers } = request;
    const mediaType = headers.has("content-type") ? uploadType(headers, taken) : null;
    checkEncoding(headers);
    const announced = headers.get("content-length");
    const length = announced === null ? null : Number(announced);
    const claimOf = request.method === "POST" ? readKey(exchange, route, search) : null;
    const hash = claimOf === null ? null : new Bun.CryptoHasher("sha256").update(`${mediaType}\n`);
    if (claimOf !== null && hash !== null) exchange.claimAtEnd = () => claimOf(hash.copy().digest());
    const arrival = { begun: false, whole: length === 0 };
    exchange.arrival = arrival;
    silence(exchange, 0);
    const chunks = arriving(request, length, flows, arrival, (chunk) => void hash?.update(chunk));
    exchange.incoming = { mediaType, length, chunks };
  };

  /** The parsed body, for the schema to check. */
  const parsedBody = ({ request, body }: Exchange, { endpoint, bodyOptional }: Prepared): unknown => {
    if (endpoint.upload !== undefined || endpoint.stream !== undefined) return null;
    if (body.byteLength === 0) {
      if (endpoint.body === undefined) return null;
      // Who names a media type meant to send something.
      if (bodyOptional && !hasBody(request.headers) && !request.headers.has("content-type")) return {};
      throw malformedJson({ detail: "A JSON body is needed." });
    }
    // A request without the usual headers (made in process) is checked here.
    checkJsonType(request.headers);
    const value = parseJson(body, endpoint.nameLimit);
    if (endpoint.body !== undefined) return value;
    if (typeof value === "object" && value !== null && JSON.stringify(value) === "{}") return null;
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
    const claimed = exchange.claimAtEnd ?? (claim === null ? null : () => claim);
    const keepAnswer = (result: unknown) => {
      exchange.kept = keep(render(ready, endpoint.present(result, call), site));
      return exchange.kept;
    };
    const wrapped: Around | undefined =
      claimed === null ? undefined : (tx, run) => idempotency.around(claimed(), keepAnswer)(tx, run);
    const { actor } = exchange;
    const call = {
      deps,
      actor: actor === null || wrapped === undefined ? actor : { ...actor, around: wrapped },
      around: wrapped,
      params: input.params,
      query: input.query,
      body: input.body,
      upload: exchange.upload,
      incoming: exchange.incoming,
      ifMatch: exchange.ifMatch,
      page: ready.pageKey === null ? null : pageOf(exchange, ready, ready.pageKey, input.query),
      client: exchange,
      newId: () => (claim === null ? Bun.randomUUIDv7() : idempotency.idOf(keys, claim)),
    };
    if (claimed === null)
      return send(exchange, render(ready, endpoint.present(await endpoint.handle(call), call), site));
    const run = async (): Promise<Response> => {
      try {
        const result = await endpoint.handle(call);
        if (exchange.kept !== null) return send(exchange, exchange.kept);
        log.warn("idempotency_key_without_effect", { requestId: exchange.requestId, route: ready.route });
        return send(exchange, render(ready, endpoint.present(result, call), site));
      } catch (error) {
        if (!(error instanceof idempotency.Replay)) throw error;
        const { headers, ...kept } = error.kept;
        return send(exchange, { ...kept, headers: { ...headers, "idempotency-replayed": "true" } });
      }
    };
    return claim === null ? run() : once(claim, run);
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
    const sorted = filters
      .filter(([name]) => !PRESENTATION.includes(name))
      .map(([name, value]) => `${name}=${value}`)
      .sort();
    const path = pathOf(exchange.request.url);
    return openPage(key, {
      keys,
      // What a list holds depends on what the person is.
      list: [ready.route, path, exchange.actor?.organizationId ?? "", exchange.actor?.role ?? "", ...sorted],
      limit,
      cursor,
      path,
      filters,
    });
  };

  // ---------------------------------------------------------------- routes

  /** Elysia sets a length of its own on the answer to HEAD: it gets another one to do that to. */
  const give = (exchange: Exchange, response: Response): Response => {
    exchange.response = response;
    return exchange.request.method === "HEAD" ? new Response(null) : response;
  };

  const elysia = new Elysia({ normalize: false, strictPath: true })
    .use(documentPlugin())
    .onError(({ error, request }) => {
      const exchange = exchangeOf(request);
      // What was thrown while reading the body comes wrapped.
      const thrown = isParseError(error) ? error.cause : error;
      return give(exchange, elysiaFailure(exchange, thrown));
    });

  const elysiaFailure = (exchange: Exchange, error: unknown): Response => {
    if (error instanceof ValidationError && exchange.prepared !== null) {
      return refuse(exchange, shapeRefusal(error, exchange.prepared));
    }
    if (isNotFound(error)) {
      const allow = allowed(prepared, pathOf(exchange.request.url));
      return refuse(exchange, allow.length === 0 ? notFound() : methodNotAllowed({ allow }));
    }
    return fail(exchange, error);
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
      // Taken apart at once: Elysia reads this function's text, and parses cookies and headers for one that hands the
      // whole context on.
      handle: async ({ request, params, query, body }) => {
        const exchange = exchangeOf(request);
        return give(exchange, await work(exchange, ready, { params, query, body }));
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
        return give(exchange, await answerTo(exchange));
      },
      HIDDEN,
    );
  };

  // Where somebody arrives who typed the address of the server.
  raw("/", (exchange) => {
    const headers = headersOf(exchange, null);
    headers.set("location", "/docs");
    return respond(exchange, 302, headers, null);
  });
  raw("/livez", (exchange) => plain(exchange, 200, "alive\n"));
  // Anybody may ask: however many do, the database is asked once at a time.
  let asking: Promise<boolean> | null = null;
  const databaseReady = (): Promise<boolean> => {
    asking ??= within(READY_MS, probes.ready()).finally(() => {
      asking = null;
    });
    return asking;
  };
  raw("/readyz", async (exchange) => {
    if (draining) throw databaseUnavailable({ detail: "Shutting down." });
    if (!(await databaseReady())) throw databaseUnavailable();
    return plain(exchange, 200, "ready\n");
  });
  raw("/metrics", (exchange) => {
    checkMetricsAccess(exchange, config.metricsToken);
    const headers = headersOf(exchange, "text/plain; version=0.0.4; charset=utf-8");
    return respond(
      exchange,
      200,
      headers,
      metrics.text({
        http_requests_under_way: underWay.size,
        http_streams_under_way: flows.count(),
        ...probes.gauges?.(),
      }),
    );
  });
  for (const { path, headers, body } of [...docsRoutes(), ...linkPageRoutes()]) {
    raw(path, (exchange) => {
      const all = headersOf(exchange, null);
      for (const [name, value] of Object.entries(headers)) all.set(name, value);
      return respond(exchange, 200, all, body());
    });
  }
  const { mailbox } = options;
  if (mailbox !== undefined) {
    const opened = (path: string, pageOf: (exchange: Exchange) => Promise<string | null>) =>
      raw(path, async (exchange) => {
        if (!isLocal(exchange)) return refuse(exchange, notFound());
        if (!opensMailbox(mailbox, exchange.request.headers.get("authorization"))) {
          const refused = refuse(exchange, unauthenticated());
          refused.headers.set("www-authenticate", MAIL_PAGE_CHALLENGE);
          return refused;
        }
        const page = await pageOf(exchange);
        if (page === null) return refuse(exchange, notFound());
        const headers = headersOf(exchange, null);
        for (const [name, value] of Object.entries(MAIL_PAGE_HEADERS)) headers.set(name, value);
        return respond(exchange, 200, headers, page);
      });
    // With a slash: a browser sends the password on to whatever lies below the folder that asked for it.
    raw("/mail", (exchange) => {
      const headers = headersOf(exchange, null);
      headers.set("location", "/mail/");
      return respond(exchange, 302, headers, null);
    });
    opened("/mail/", () => mailListPage(deps));
    opened("/mail/:organization/:id", ({ request }) => {
      const [, , organizationId = "", mailId = ""] = pathOf(request.url).split("/");
      return mailPage(deps, organizationId, mailId, new URL(request.url).origin);
    });
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
    answered.set("allow", allow.join(", "));
    if (headers.has("access-control-request-method") && answered.has("access-control-allow-origin")) {
      answered.set("access-control-allow-methods", allow.join(", "));
      answered.set("access-control-allow-headers", TAKEN);
      answered.set("access-control-max-age", "600");
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

  /** Whoever is refused for lack of a right is recorded before they are told. */
  const recordRefusal = async ({ actor, slug, route }: Exchange): Promise<void> => {
    if (actor === null || slug === undefined || !LACKING.has(slug)) return;
    await audit(deps, actor, {
      action: "access.refused",
      outcome: "refused",
      targetType: "operation",
      targetId: route,
      details: { refusal: slug, role: actor.role, credential: actor.credential },
    });
  };

  const handle = (arrived: Request, peer?: Peer): Promise<Response> =>
    new Promise((resolve) => {
      const exchange = new Exchange(arrived, peer, site);
      const { request } = exchange;
      exchange.settle = resolve;
      underWay.add(exchange);
      const done = (response: Response): void => {
        // It came too late, and nobody will read it.
        if (exchange.settle === null && exchange.leaving) void response.body?.cancel().catch(() => {});
        if (!exchange.leaving) exchange.lease?.release();
        if (exchange.arrival !== null) silence(exchange, idleSeconds);
        finish(exchange, response);
      };
      try {
        const refused = early(exchange);
        if (refused !== null) return done(refused);
        exchanges.set(request, exchange);
        const answered: Response | Promise<Response> = elysia.handle(request);
        Promise.resolve(answered).then(
          (response) => {
            const sent = exchange.response ?? response;
            if (sent.status !== 403) return done(sent);
            return recordRefusal(exchange).then(() => done(sent));
          },
          (error) => done(fail(exchange, error)),
        );
      } catch (error) {
        done(fail(exchange, error));
      }
    });

  /** The oldest come first, so that a sweep looks at no more than it ends and one. */
  const sweep = (): void => {
    flows.sweep();
    const now = performance.now();
    for (const exchange of underWay) {
      const age = now - exchange.startedAt;
      if (exchange.arrival?.begun === true) continue;
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
    idleSeconds,
    drain: () => {
      draining = true;
    },
    underWay: () => underWay.size,
    close: () => clearInterval(clock),
  };
}

// -------------------------------------------------------------------- small things

/** The answer of a question that may hang or fail, either of which is a no. */
async function within(milliseconds: number, question: Promise<boolean>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), milliseconds);
  const answered = await Promise.race([question.catch(() => false), late.promise]);
  clearTimeout(timer);
  return answered;
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
  if (!isLocal(exchange)) throw forbidden();
}

/** Whether a request comes from this machine. Behind a proxy on it everybody seems to be local, and nobody is. */
function isLocal({ request: { headers }, address }: Exchange): boolean {
  const proxied = headers.has("x-forwarded-for") || headers.has("forwarded") || headers.has("via");
  return !proxied && /^(127\.|::1$|::ffff:127\.)/.test(address);
}
