/**
 * What a feature's `routes.ts` is made of. An endpoint says everything about itself: the shapes it takes and gives, how
 * it refuses; who may call it stands in the table of permissions. The shell (app.ts) does the rest, and the OpenAPI
 * document is read off it.
 */
import type { Static, TObject, TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import type { Actor, Around } from "../actor.ts";
import type { Deps } from "../deps.ts";
import type { RefusalType } from "../errors.ts";
import { JSON_KEYS } from "../json.ts";
import { type Access, type AccessOf, permissions } from "../permissions.ts";
import type { Page } from "./page.ts";
import type { Incoming } from "./streams.ts";
import { closed, isBinary } from "./wire.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Success statuses and what they carry; null for an answer without a body. */
export type Answers = { readonly [S in 200 | 201 | 202 | 204]?: TSchema | null };

type BodyOf<S> = S extends TSchema ? Static<S> : undefined;
type AnswerBody<A extends Answers> = { [S in keyof A]: BodyOf<A[S]> }[keyof A];

/** Cookies the shell knows by their plain names; it adds the prefix and the attributes. Null clears one. */
export type CookieName = "session" | "device";
export interface Cookie {
  readonly value: string;
  readonly maxAgeSeconds: number;
}

export interface AnswerOptions {
  /** The first declared success status when absent. */
  readonly status?: 200 | 201 | 202 | 204;
  /** Besides those the shell sets. Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: { readonly [N in CookieName]?: Cookie | null };
  /** False: the answer holds what changes without its `version`, which therefore is no ETag of it. */
  readonly etag?: boolean;
}

const ANSWER = Symbol("answer");

/** A body with more than a body: a status, headers, cookies. */
export interface Answer<B> extends AnswerOptions {
  readonly [ANSWER]: true;
  readonly body: B;
}

/** `present: (made) => answer(view(made), { headers: { location: … } })`. */
export function answer<B>(body: B, options: AnswerOptions = {}): Answer<B> {
  return { [ANSWER]: true, body, ...options };
}

export function isAnswer(value: unknown): value is Answer<unknown> {
  return typeof value === "object" && value !== null && ANSWER in value;
}

/** Whom the request comes from, as far as the connection and its headers tell. Nothing here is proven. */
export interface Client {
  /** The peer, or with `trustedProxies` the address that the outermost trusted proxy saw. */
  readonly address: string;
  readonly userAgent: string | null;
  readonly requestId: string;
  readonly traceId: string | null;
  /**
   * What the caller's organization has used of its requests a minute on this node, this one among them. All of its people
   * together, or all of its programs for a program; both where the operator has set a quota. Null: not signed in.
   */
  readonly organizationRequests: number | null;
  /** A cookie by its plain name, or null. */
  cookie(name: CookieName): string | null;
  /** A request header, or null. Never use it to choose the organization. */
  header(name: string): string | null;
}

export type IfMatch = number | "*";

/**
 * `true`: the answer carries `version`, which becomes its ETag; GET honours If-None-Match; PUT and PATCH need If-Match,
 * since they overwrite what somebody else may have written meanwhile; POST and DELETE may bring it, unless the POST makes
 * something (201), of which there was no version before. `"if-match"`: this one needs it too.
 */
export type Versioned = boolean | "if-match";

type IfMatchOf<M extends Method, V extends Versioned> = V extends "if-match"
  ? IfMatch
  : V extends true
    ? M extends "GET"
      ? null
      : M extends "PUT" | "PATCH"
        ? IfMatch
        : IfMatch | null
    : null;

/** Bytes that were uploaded as they are, with their media type. */
export interface Upload {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export interface Call<
  M extends Method = Method,
  A extends Access = Access,
  P extends TObject = TObject,
  Q extends TObject = TObject,
  B extends TSchema | undefined = TSchema | undefined,
  V extends Versioned = Versioned,
  K extends TSchema | undefined = TSchema | undefined,
  U extends readonly string[] | undefined = readonly string[] | undefined,
  I extends readonly string[] | undefined = readonly string[] | undefined,
> {
  readonly deps: Deps;
  /** Null exactly when the access is public. Carries `around` when the request has an Idempotency-Key. */
  readonly actor: A extends "public" ? null : Actor;
  /**
   * What must wrap the one transaction that has the effect. With an actor the door finds it at `actor.around`; the
   * door of a public endpoint puts this one into its tenant. Undefined without an Idempotency-Key.
   */
  readonly around: Around | undefined;
  readonly params: Static<P>;
  readonly query: Static<Q>;
  readonly body: B extends TSchema ? Static<B> : undefined;
  readonly upload: U extends readonly string[] ? Upload : undefined;
  readonly incoming: I extends readonly string[] ? Incoming : undefined;
  readonly ifMatch: IfMatchOf<M, V>;
  readonly page: K extends TSchema ? Page<Static<K>> : null;
  readonly client: Client;
  /**
   * The id of what this request makes: with an Idempotency-Key the same one again when the request is repeated.
   * Needed only where the id is the tenant itself (creating an organization), since keys are kept per organization.
   */
  newId(): string;
}

interface Definition<
  M extends Method,
  L extends string,
  A extends Access,
  P extends TObject,
  Q extends TObject,
  B extends TSchema | undefined,
  S extends Answers,
  V extends Versioned,
  K extends TSchema | undefined,
  U extends readonly string[] | undefined,
  I extends readonly string[] | undefined,
  R,
> {
  readonly method: M;
  /** `/v1/contents/:id`. A parameter that does not fit its schema answers 404, like an id that does not exist. */
  readonly path: L;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: P;
  /** Integers, numbers, booleans and lists between commas are read as such. Any other name is refused. */
  readonly query?: Q;
  readonly body?: B;
  /** Media types of a body taken as bytes, instead of `body`. */
  readonly upload?: U;
  /**
   * Media types of a body that is handed on while it arrives, of any size: instead of `body` and `upload`. What its hash is
   * worth to an Idempotency-Key is known at its end, so `handle` reads all of it before its one transaction.
   */
  readonly stream?: I;
  /** A small body of each media type that is text, for the document. */
  readonly uploadExamples?: Readonly<Record<string, string>>;
  /** Bytes of the body: 256 KiB unless told. */
  readonly bodyLimit?: number;
  /** Names in a JSON body: 1,000 unless told. */
  readonly nameLimit?: number;
  readonly answers: S;
  /** Those of the door. Common ones are added from what the endpoint has. */
  readonly refusals?: readonly RefusalType[];
  readonly versioned?: V;
  /** The shape of the key a list is continued after; makes `limit` and `cursor` part of the query. */
  readonly page?: K;
  /** Calls the door, and returns exactly what the door's transaction returned. */
  readonly handle: (call: Call<M, A, P, Q, B, V, K, U, I>) => Promise<R> | R;
  /**
   * Turns that into the answer: pure, no awaiting. It is apart from `handle` because with an Idempotency-Key it runs
   * inside the transaction, so that the answer is stored with the effect.
   */
  readonly present: (
    result: R,
    call: Call<M, A, P, Q, B, V, K, U, I>,
  ) => AnswerBody<S> | Answer<AnswerBody<S>>;
}

/** An endpoint with its types erased: what the shell runs. */
export interface Endpoint {
  readonly method: Method;
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description: string | undefined;
  readonly access: Access;
  readonly params: TObject | undefined;
  readonly query: TObject | undefined;
  readonly body: TSchema | undefined;
  readonly upload: readonly string[] | undefined;
  readonly stream: readonly string[] | undefined;
  readonly uploadExamples: Readonly<Record<string, string>>;
  readonly bodyLimit: number;
  readonly nameLimit: number;
  readonly answers: ReadonlyMap<number, TSchema | null>;
  readonly refusals: readonly RefusalType[];
  readonly versioned: Versioned;
  readonly page: TSchema | undefined;
  readonly handle: (call: unknown) => unknown;
  readonly present: (result: unknown, call: unknown) => unknown;
}

/** What becomes of If-Match. */
export function ifMatchOf({
  method,
  versioned,
  answers,
}: Pick<Endpoint, "method" | "versioned" | "answers">): "ignored" | "optional" | "required" {
  if (versioned === "if-match") return "required";
  if (versioned === false || method === "GET" || (method === "POST" && answers.has(201))) return "ignored";
  return method === "PUT" || method === "PATCH" ? "required" : "optional";
}

/** Whether a POST may come without its body: where all that the body could say may be left out. */
export const isBodyOptional = ({ method, body }: Pick<Endpoint, "method" | "body">): boolean =>
  method === "POST" && body !== undefined && Value.Check(body, {});

export const BODY_LIMIT = 256 * 1024;

/** The path, when the table has a row for it; else what is missing, so that the compiler says it. */
type Listed<M extends Method, L extends string> = [AccessOf<`${M} ${L}`>] extends [never]
  ? { readonly missing: "a row in src/permissions.ts" }
  : L;

/**
 * Declares an endpoint, with the rule that the table of permissions has for it. Throws when there is none, or when the
 * declaration contradicts itself: that is found at start, not by a caller.
 */
export function endpoint<
  const M extends Method,
  const L extends string,
  S extends Answers,
  R,
  P extends TObject = TObject<Record<never, never>>,
  Q extends TObject = TObject<Record<never, never>>,
  B extends TSchema | undefined = undefined,
  const V extends Versioned = false,
  K extends TSchema | undefined = undefined,
  const U extends readonly string[] | undefined = undefined,
  const I extends readonly string[] | undefined = undefined,
>(
  definition: Definition<M, L, AccessOf<`${M} ${L}`>, P, Q, B, S, V, K, U, I, R> & {
    readonly path: Listed<M, L>;
  },
): Endpoint {
  const operation = `${definition.method} ${definition.path}`;
  const access: Access | undefined = (permissions as Readonly<Record<string, Access>>)[operation];
  if (access === undefined) {
    throw new Error(`${operation}: nobody has said who may call it; add a row to src/permissions.ts`);
  }
  return endpointFor(access as AccessOf<`${M} ${L}`>, definition);
}

/**
 * Declares an endpoint with a rule of its own. For `endpoint`, and for tests of the shell: an endpoint of the product
 * whose rule is not the table's does not start.
 */
export function endpointFor<
  const A extends Access,
  const M extends Method,
  S extends Answers,
  R,
  P extends TObject = TObject<Record<never, never>>,
  Q extends TObject = TObject<Record<never, never>>,
  B extends TSchema | undefined = undefined,
  const V extends Versioned = false,
  K extends TSchema | undefined = undefined,
  const U extends readonly string[] | undefined = undefined,
  const I extends readonly string[] | undefined = undefined,
>(access: A, definition: Definition<M, string, A, P, Q, B, S, V, K, U, I, R>): Endpoint {
  const { method, path, params, query, body, answers } = definition;
  const name = `${method} ${path}`;
  const wrong = (what: string): never => {
    throw new Error(`${name}: ${what}`);
  };
  if (!/^(\/([a-z0-9-]+|:[a-zA-Z]+))+$/.test(path))
    wrong("the path must be /lower-case/segments/:parameters");
  const named = path
    .split("/")
    .filter((part) => part.startsWith(":"))
    .map((part) => part.slice(1));
  const declared = Object.keys(params?.properties ?? {});
  if (named.length !== declared.length || named.some((part) => !declared.includes(part))) {
    wrong("`params` must describe exactly the parameters of the path");
  }
  const statuses = Object.entries(answers as Record<string, TSchema | null>);
  if (statuses.length === 0) wrong("declares no answer");
  const bodies = [body, definition.upload, definition.stream].filter((given) => given !== undefined);
  if (method === "GET" && bodies.length > 0) wrong("GET takes no body");
  if (bodies.length > 1) wrong("takes one of a body, an upload and a stream");
  if (method === "POST" && statuses.some(([, schema]) => isBinary(schema))) {
    wrong("a POST cannot answer bytes: its answer is kept for Idempotency-Key");
  }
  const erased: Endpoint = {
    method,
    path,
    tag: definition.tag,
    summary: definition.summary,
    description: definition.description,
    access,
    params: params === undefined ? undefined : closed(params),
    query: query === undefined ? undefined : closed(query),
    body: body === undefined ? undefined : closed(body),
    upload: definition.upload,
    stream: definition.stream,
    uploadExamples: definition.uploadExamples ?? {},
    bodyLimit: definition.bodyLimit ?? BODY_LIMIT,
    nameLimit: definition.nameLimit ?? JSON_KEYS,
    answers: new Map(
      statuses.map(([status, schema]) => [
        Number(status),
        schema === null || schema === undefined ? null : closed(schema),
      ]),
    ),
    refusals: definition.refusals ?? [],
    versioned: definition.versioned ?? false,
    page: definition.page,
    handle: definition.handle as (call: unknown) => unknown,
    present: definition.present as (result: unknown, call: unknown) => unknown,
  };
  return erased;
}

/**
 * The endpoints, when they and the table of permissions are about the same operations. Throws with the cure when a row
 * has no endpoint, or an endpoint another rule than its row.
 */
export function ruled(
  endpoints: readonly Endpoint[],
  table: Readonly<Record<string, Access>> = permissions,
): readonly Endpoint[] {
  const declared = new Map(endpoints.map((given) => [`${given.method} ${given.path}`, given.access]));
  for (const [operation, access] of declared) {
    if (table[operation] !== access) {
      throw new Error(`${operation}: its rule is not that of src/permissions.ts; declare it with endpoint()`);
    }
  }
  for (const operation of Object.keys(table)) {
    if (!declared.has(operation)) {
      throw new Error(
        `${operation}: src/permissions.ts has a rule for it, but no such endpoint exists; remove the row, or list the endpoint in src/endpoints.ts`,
      );
    }
  }
  return endpoints;
}
