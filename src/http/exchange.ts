/** One request on its way through the shell, and what is known of its endpoint beforehand. */
import { type TObject, type TSchema, Type } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import type { Actor } from "../actor.ts";
import type { Rate, RefusalType } from "../errors.ts";
import type { Claim, Kept } from "../idempotency/idempotency.ts";
import { readCookie, type Site } from "./credentials.ts";
import {
  type Client,
  type CookieName,
  type Endpoint,
  type IfMatch,
  ifMatchOf,
  isBodyOptional,
  type Upload,
} from "./endpoint.ts";
import { compileKey } from "./page.ts";
import type { Pairs } from "./query.ts";
import { refusalsOf } from "./refusals.ts";
import { queryOf } from "./register.ts";
import type { Arrival, Incoming } from "./streams.ts";

/** What is known of an endpoint once and for all. */
export interface Prepared {
  readonly endpoint: Endpoint;
  /** `GET /v1/contents/:id`. */
  readonly route: string;
  readonly refusals: ReadonlyMap<string, RefusalType>;
  readonly query: TObject;
  readonly names: readonly string[];
  readonly answers: ReadonlyMap<number, DeclaredAnswer>;
  /** The success status when `present` names none. */
  readonly status: number;
  readonly pageKey: TypeCheck<TSchema> | null;
  readonly ifMatch: ReturnType<typeof ifMatchOf>;
  /** Whether a request without a body is one with an empty document. */
  readonly bodyOptional: boolean;
}

export interface DeclaredAnswer {
  readonly schema: TSchema | null;
  readonly check: TypeCheck<TSchema> | null;
}

/** Throws when two endpoints claim the same address. */
export function prepare(endpoints: readonly Endpoint[]): readonly Prepared[] {
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
      ifMatch: ifMatchOf(endpoint),
      bodyOptional: isBodyOptional(endpoint),
    };
  });
}

/** What knows the other end of a connection: Bun's server. */
export interface Peer {
  requestIP(request: Request): { readonly address: string } | null;
  /** How long the connection of this request may be silent, in seconds; 0 for as long as it likes. */
  timeout?(request: Request, seconds: number): void;
}

/** What the RateLimit headers say, and what gives the place back. */
export interface Lease extends Rate {
  /**
   * Requests of the caller's organization, this one among them, that have not come back to what it is allowed; null for
   * who is not signed in.
   */
  readonly organizationUsed: number | null;
  release(): void;
}

const NOTHING = new Uint8Array(0);

/** A class, because there is one per request and its methods then cost nothing. */
export class Exchange implements Client {
  readonly requestId = Bun.randomUUIDv7();
  readonly startedAt = performance.now();
  /** As it is routed, see `routable`. */
  readonly request: Request;
  /** As it arrived: what the server knows the other end of. */
  readonly arrived: Request;
  readonly site: Site;
  readonly peer: Peer | undefined;
  /** W3C Trace Context, when well-formed. */
  readonly traceparent: string | null;
  prepared: Prepared | null = null;
  route = "other";
  actor: Actor | null = null;
  lease: Lease | null = null;
  body: Uint8Array = NOTHING;
  upload: Upload | undefined = undefined;
  incoming: Incoming | undefined = undefined;
  /** Of the incoming body. */
  arrival: Arrival | null = null;
  /** Its answer is a stream that has not ended: what the request holds is given back by that. */
  leaving = false;
  ifMatch: IfMatch | null = null;
  pairs: Pairs = [];
  claim: Claim | null = null;
  /** The same of a body whose hash is known only once it was read. */
  claimAtEnd: (() => Claim) | null = null;
  /** The answer that was stored with the effect. */
  kept: Kept | null = null;
  readingBody = false;
  /** Of the refusal it was answered with. */
  slug: string | undefined = undefined;
  response: Response | null = null;
  settle: ((response: Response) => void) | null = null;

  constructor(arrived: Request, peer: Peer | undefined, site: Site) {
    const request = routable(arrived);
    this.request = request;
    this.arrived = arrived;
    this.peer = peer;
    this.site = site;
    this.traceparent = readTraceparent(request.headers);
  }

  get address(): string {
    const direct = this.peer?.requestIP(this.arrived)?.address ?? "127.0.0.1";
    const { trustedProxies } = this.site;
    if (trustedProxies === 0) return direct;
    const hops = this.request.headers.get("x-forwarded-for")?.split(",") ?? [];
    // Each trusted proxy appended whom it saw; what stands further left is hearsay.
    const seen = hops[hops.length - trustedProxies]?.trim() ?? "";
    return /^[0-9a-fA-F.:]{2,45}$/.test(seen) ? seen : direct;
  }

  get userAgent(): string | null {
    return this.request.headers.get("user-agent")?.slice(0, 512) ?? null;
  }

  get organizationRequests(): number | null {
    return this.lease?.organizationUsed ?? null;
  }

  get traceId(): string | null {
    return this.traceparent?.slice(3, 35) ?? null;
  }

  cookie(name: CookieName): string | null {
    return readCookie(this.request.headers, name, this.site.secure);
  }

  header(name: string): string | null {
    return this.request.headers.get(name);
  }
}

function readTraceparent(headers: Headers): string | null {
  const header = headers.get("traceparent");
  if (header === null) return null;
  return /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(header) ? header : null;
}

/**
 * Elysia looks for the path from the eleventh letter of the address on, and so finds none behind a Host of up to three
 * letters (`http://api/v1/…` between containers).
 */
function routable(request: Request): Request {
  const { url } = request;
  const path = url.indexOf("/", 8);
  return path >= 11 || path === -1 || !url.startsWith("http")
    ? request
    : new Request(`http://localhost${url.slice(path)}`, request);
}

/** The path of an address as Bun gives it, without the query. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", 8);
  const end = url.indexOf("?", start);
  return end === -1 ? url.slice(start) : url.slice(start, end);
}
