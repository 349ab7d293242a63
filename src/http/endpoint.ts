/**
 * What a feature's `routes.ts` is made of. An endpoint says everything about itself: who may call it, the shapes it
 * takes and gives, how it refuses. The shell (app.ts) does the rest, and the OpenAPI document is read off it.
 */
import type { Static, TObject, TSchema } from "@sinclair/typebox";
import type { Actor, Around, Role } from "../actor.ts";
import type { Deps } from "../deps.ts";
import type { RefusalType } from "../errors.ts";
import type { Page } from "./page.ts";
import { closed, isBinary } from "./wire.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Who may call. There is no default: an endpoint without it does not compile, nor start. */
export type Access = "public" | Members;
export interface Members {
  /** Null: every signed-in person. */
  readonly roles: readonly Role[] | null;
}

/** Every signed-in person of the organization. */
export const members = (): Members => ({ roles: null });

/** Only these roles; anyone else signed in is answered 403 before anything is looked up. */
export const roles = (...allowed: readonly [Role, ...Role[]]): Members => ({ roles: allowed });

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
  /** A cookie by its plain name, or null. */
  cookie(name: CookieName): string | null;
  /** A request header, or null. Never use it to choose the organization. */
  header(name: string): string | null;
}

export type IfMatch = number | "*";

/**
 * `true`: the answer carries `version`, which becomes its ETag; GET honours If-None-Match; PUT and PATCH need If-Match,
 * since they overwrite what somebody else may have written meanwhile; POST and DELETE may bring it. `"if-match"`: this
 * one needs it too.
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
  A extends Access,
  P extends TObject,
  Q extends TObject,
  B extends TSchema | undefined,
  S extends Answers,
  V extends Versioned,
  K extends TSchema | undefined,
  U extends readonly string[] | undefined,
  R,
> {
  readonly method: M;
  /** `/v1/contents/:id`. A parameter that does not fit its schema answers 404, like an id that does not exist. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: A;
  readonly params?: P;
  /** Integers, numbers, booleans and lists between commas are read as such. Any other name is refused. */
  readonly query?: Q;
  readonly body?: B;
  /** Media types of a body taken as bytes, instead of `body`. */
  readonly upload?: U;
  readonly bodyLimit?: number;
  readonly answers: S;
  /** Those of the door. Common ones are added from what the endpoint has. */
  readonly refusals?: readonly RefusalType[];
  readonly versioned?: V;
  /** The shape of the key a list is continued after; makes `limit` and `cursor` part of the query. */
  readonly page?: K;
  /** Calls the door, and returns exactly what the door's transaction returned. */
  readonly handle: (call: Call<M, A, P, Q, B, V, K, U>) => Promise<R> | R;
  /**
   * Turns that into the answer: pure, no awaiting. It is apart from `handle` because with an Idempotency-Key it runs
   * inside the transaction, so that the answer is stored with the effect.
   */
  readonly present: (result: R, call: Call<M, A, P, Q, B, V, K, U>) => AnswerBody<S> | Answer<AnswerBody<S>>;
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
  readonly bodyLimit: number;
  readonly answers: ReadonlyMap<number, TSchema | null>;
  readonly refusals: readonly RefusalType[];
  readonly versioned: Versioned;
  readonly page: TSchema | undefined;
  readonly handle: (call: unknown) => unknown;
  readonly present: (result: unknown, call: unknown) => unknown;
}

export const BODY_LIMIT = 256 * 1024;

/** Declares an endpoint. Throws when the declaration contradicts itself: that is found at start, not by a caller. */
export function endpoint<
  const M extends Method,
  const A extends Access,
  S extends Answers,
  R,
  P extends TObject = TObject<Record<never, never>>,
  Q extends TObject = TObject<Record<never, never>>,
  B extends TSchema | undefined = undefined,
  const V extends Versioned = false,
  K extends TSchema | undefined = undefined,
  const U extends readonly string[] | undefined = undefined,
>(definition: Definition<M, A, P, Q, B, S, V, K, U, R>): Endpoint {
  const { method, path, access, params, query, body, answers } = definition;
  const name = `${method} ${path}`;
  const wrong = (what: string): never => {
    throw new Error(`${name}: ${what}`);
  };
  if (access !== "public" && !(typeof access === "object" && "roles" in access)) {
    wrong('declares no access; say "public", members() or roles(…)');
  }
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
  if (method === "GET" && (body !== undefined || definition.upload !== undefined)) wrong("GET takes no body");
  if (body !== undefined && definition.upload !== undefined) wrong("takes a body or an upload, not both");
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
    bodyLimit: definition.bodyLimit ?? BODY_LIMIT,
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
