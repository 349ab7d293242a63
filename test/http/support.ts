/** An app of a few small endpoints, without a database: what is tested here is the shell. */
import type { Actor, Role } from "../../src/actor.ts";
import { type Config, readConfig } from "../../src/config.ts";
import type { Deps } from "../../src/deps.ts";
import { type App, type AppOptions, buildApp } from "../../src/http/app.ts";
import type { Endpoint } from "../../src/http/endpoint.ts";
import { openKeys } from "../../src/keys.ts";
import { type LogFields, openLog } from "../../src/log.ts";
import type { Rule } from "../../src/permissions.ts";

export const SECRET = "a secret of the tests, long enough 0123456789";
export const ORGANIZATION = "01931e5a-0000-7000-8000-000000000001";
export const OTHER = "01931e5a-0000-7000-8000-000000000002";
export const ID = "01931e5a-0000-7000-8000-00000000000a";

export const actorOf = (role: Role, organizationId = ORGANIZATION): Actor => ({
  organizationId,
  userId: "01931e5a-0000-7000-8000-0000000000aa",
  role,
  credential: "session",
  sessionId: "01931e5a-0000-7000-8000-0000000000bb",
  scopes: null,
  fresh: true,
  freshUntil: new Date(),
  mustEnrol: false,
  requestsPerMinute: null,
  generations: { organization: 1, users: 1, contents: 1 },
});

const ALL = { student: "any", teacher: "any", admin: "any", parent: "any" } as const;
/** Every signed-in person, and only staff. */
export const EVERYBODY: Rule = {
  rights: ALL,
  scope: "contents:read",
  fresh: false,
  freshForStaff: false,
  enrolling: false,
};
export const STAFF: Rule = { ...EVERYBODY, rights: { ...ALL, student: "no", parent: "no" } };

/** `teacher-token` belongs to a teacher, and so on; any other token to nobody. */
export const authenticate: AppOptions["authenticate"] = async (_, token) => {
  switch (token) {
    case "teacher-token":
      return actorOf("teacher");
    case "student-token":
      return actorOf("student");
    case "stranger-token":
      return actorOf("teacher", OTHER);
    default:
      return null;
  }
};

export function configOf(overrides: Partial<Config> = {}): Config {
  const read = readConfig({ env: {} });
  if ("problems" in read) throw new Error("the defaults are refused");
  return { ...read.config, ...overrides };
}

export interface Line extends LogFields {
  readonly level: string;
  readonly event: string;
}

export interface Shell {
  readonly config?: Partial<Config>;
  readonly probes?: AppOptions["probes"];
  readonly deps?: Partial<Deps>;
  /** Gets every line that is logged. */
  readonly lines?: Line[];
  readonly authenticate?: AppOptions["authenticate"];
}

/** What the shell has no business to touch. */
const absent = new Proxy(
  {},
  {
    get: () => {
      throw new Error("the shell does not use this");
    },
  },
);

export function shell(endpoints: readonly Endpoint[], options: Shell = {}): App {
  const { lines } = options;
  const log = openLog({ level: "debug", write: (line) => void lines?.push(JSON.parse(line) as Line) });
  const deps: Deps = {
    db: absent as Deps["db"],
    cache: absent as Deps["cache"],
    queue: absent as Deps["queue"],
    passwords: absent as Deps["passwords"],
    gate: absent as Deps["gate"],
    storage: absent as Deps["storage"],
    config: configOf(options.config),
    keys: openKeys([SECRET]),
    log,
    ...options.deps,
  };
  return buildApp({
    deps,
    endpoints,
    authenticate: options.authenticate ?? authenticate,
    probes: options.probes ?? { ready: async () => true },
  });
}

export interface Sent {
  readonly method?: string;
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly body?: string | Uint8Array<ArrayBuffer> | ReadableStream;
}

/** A request as a client would send it, by a teacher unless said otherwise. */
export function request(path: string, sent: Sent = {}): Request {
  const headers = new Headers(sent.headers);
  const token = sent.token === undefined ? "teacher-token" : sent.token;
  if (token !== null && !headers.has("authorization")) headers.set("authorization", `Bearer ${token}`);
  const body = sent.json === undefined ? sent.body : JSON.stringify(sent.json);
  if (body !== undefined) {
    if (!headers.has("content-type")) headers.set("content-type", "application/json");
    if (!(body instanceof ReadableStream) && !headers.has("content-length")) {
      headers.set("content-length", String(Buffer.byteLength(body)));
    }
  }
  return new Request(`http://localhost${path}`, {
    method: sent.method ?? (body === undefined ? "GET" : "POST"),
    headers,
    ...(body === undefined ? {} : { body }),
  });
}

export interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON of the answer, as the test expects it; null when it has none. */
  readonly json: Seen;
}

/** What tests look for in answers. */
export interface Seen {
  readonly type?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly instance?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  readonly items?: readonly unknown[];
  readonly nextCursor?: string | null;
  readonly [key: string]: unknown;
}

export async function read(response: Response): Promise<Got> {
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  const json = isJson && text !== "" ? (JSON.parse(text) as Seen) : {};
  return { status: response.status, headers: response.headers, text, json };
}

export const send = async (app: App, path: string, sent: Sent = {}): Promise<Got> =>
  read(await app.handle(request(path, sent)));

/** The slug of a problem. */
export const slugOf = ({ json }: Got): string | undefined => json.type?.replace("urn:satchel:problem:", "");

/** `#/title: must not be empty`, line by line. */
export const errorsOf = ({ json }: Got): readonly string[] =>
  (json.errors ?? []).map(({ pointer, detail }) => `${pointer}: ${detail}`);
