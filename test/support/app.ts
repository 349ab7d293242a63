/** The real app on a database of its own, asked in process: the same code that serve runs, without a socket. */
import { type Config, readConfig } from "../../src/config.ts";
import type { DbOptions } from "../../src/db.ts";
import { closeDeps, type Deps, openDeps } from "../../src/deps.ts";
import { endpoints } from "../../src/endpoints.ts";
import { type App, buildApp } from "../../src/http/app.ts";
import { authenticate } from "../../src/http/authentication.ts";
import { openKeys } from "../../src/keys.ts";
import { type Log, silentLog } from "../../src/log.ts";
import { type TestDatabase, testDatabase } from "./database.ts";
import { tempFolder } from "./run.ts";

export interface Sent {
  readonly token?: string | null;
  /** Sent as JSON. A string is sent as it is, to send what is no JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Received<Body> {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON of the answer, of the shape that the test says it expects; null when there is no body. */
  readonly body: Body;
}

export interface TestApp {
  readonly app: App;
  readonly deps: Deps;
  readonly database: TestDatabase;
  /** Sends a request as a client would: `request<{ id: string }>("POST", "/v1/contents?x=1", { token, body })`. */
  request<Body = Readonly<Record<string, unknown>>>(
    method: string,
    path: string,
    sent?: Sent,
  ): Promise<Received<Body>>;
  close(): Promise<void>;
}

export interface AppOverrides {
  readonly config?: Partial<Config>;
  /** Options of the pool, such as `onStatement` to count queries. */
  readonly db?: Partial<DbOptions>;
  readonly log?: Log;
}

/** A configuration as without any setting, except that anybody may create an organization. */
export function testConfig(overrides: Partial<Config> = {}): Config {
  const read = readConfig({ env: {} });
  if ("problems" in read) throw new Error("the defaults are refused");
  const secrets = ["a secret that only the tests know, 0123456789"];
  return { ...read.config, signUp: "open", secrets, ...overrides };
}

/** Opens the app on a new database. Jobs are enqueued and not worked on: a test runs them when it wants to. */
export async function testApp({
  config: settings,
  db: options,
  log = silentLog,
}: AppOverrides = {}): Promise<TestApp> {
  const config = testConfig({ filesDir: tempFolder("files"), ...settings });
  const keys = openKeys(config.secrets);
  const database = await testDatabase({ log, ...options });
  const { db } = database;
  const deps = await openDeps({ config, db, keys, log, release: "test" });
  const app = buildApp({ deps, endpoints, authenticate, probes: { ready: () => db.check(200) } });
  return {
    app,
    deps,
    database,
    request: <Body>(method: string, path: string, sent: Sent = {}) => send<Body>(app, method, path, sent),
    close: async () => {
      app.close();
      await closeDeps(deps);
      await database.close();
    },
  };
}

const send = async <Body>(app: App, method: string, path: string, sent: Sent): Promise<Received<Body>> =>
  received(await app.handle(new Request(`http://localhost${path}`, requestOf(method, sent))));

/** What `fetch` or `Request` takes to send this. */
export function requestOf(method: string, sent: Sent): RequestInit {
  const headers = new Headers(sent.headers);
  if (typeof sent.token === "string") headers.set("authorization", `Bearer ${sent.token}`);
  if (sent.body === undefined) return { method, headers };
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  return { method, headers, body: typeof sent.body === "string" ? sent.body : JSON.stringify(sent.body) };
}

/** An answer, read to its end. */
export async function received<Body>(response: Response): Promise<Received<Body>> {
  const text = await response.text();
  const isJson = /\bjson\b/.test(response.headers.get("content-type") ?? "");
  return {
    status: response.status,
    headers: response.headers,
    body: (text === "" ? null : isJson ? JSON.parse(text) : text) as Body,
  };
}
