/** PostgreSQL goes away and comes back: what clients and load balancers are told meanwhile. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { type RunningSatchel, satchel, startSatchel } from "../support/binary.ts";
import { client } from "../support/client.ts";
import { type GivenOrganization, given } from "../support/given.ts";
import { type PlainServer, startPlainServer } from "../support/plain-server.ts";

setDefaultTimeout(60_000);

let server: PlainServer;
let node: RunningSatchel;
let organization: GivenOrganization;

beforeAll(async () => {
  server = await startPlainServer();
  const ownerUrl = await server.createDatabase("satchel");
  const { out } = await satchel(["migrate"], { env: { DATABASE_OWNER_URL: ownerUrl } });
  const env = Object.fromEntries(
    out
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  node = await startSatchel({ env: { ...env, SATCHEL_SIGN_UP: "open", SATCHEL_LOG_LEVEL: "warn" } });
  organization = await given(client(node.url)).organization();
});

afterAll(async () => {
  expect(await node.stop()).toBe(0);
  await server.close();
});

interface Told {
  readonly path: string;
  readonly status: number;
  readonly type: string;
  readonly milliseconds: number;
}

async function asked(method: string, path: string, body?: unknown): Promise<Told> {
  const began = performance.now();
  const { status, headers } = await client(node.url).request(method, path, {
    token: organization.token,
    body,
  });
  return {
    path,
    status,
    type: headers.get("content-type") ?? "",
    milliseconds: performance.now() - began,
  };
}

const signIn = () => ({
  organization: organization.slug,
  login: organization.admin.username,
  password: organization.admin.password,
});

/** One of each kind, forty at once, while the database is away. */
async function whileAway(): Promise<void> {
  const kinds = [
    () => asked("GET", "/v1/me"),
    () => asked("GET", "/v1/contents"),
    () => asked("GET", "/v1/search?q=heron"),
    () => asked("POST", "/v1/contents", { title: "Nobody will read this" }),
    () => asked("POST", "/v1/sessions", signIn()),
  ];
  const told = await Promise.all(Array.from({ length: 40 }, (_, at) => kinds[at % kinds.length]?.()));
  for (const answer of told) {
    expect(answer?.status).toBe(503);
    expect(answer?.type).toContain("application/problem+json");
    expect(answer?.milliseconds).toBeLessThan(3000);
  }
  const [ready, live] = [await asked("GET", "/readyz"), await asked("GET", "/livez")];
  expect([ready.status, live.status]).toEqual([503, 200]);
  expect(live.milliseconds).toBeLessThan(1000);
  const slowest = Math.max(...told.map((answer) => answer?.milliseconds ?? 0));
  console.info(
    `PostgreSQL away: ${told.length} requests, all 503, the slowest after ${slowest.toFixed(0)} ms`,
  );
}

/** Serving again, and everything that was confirmed is there. */
async function back(contentId: string): Promise<void> {
  const began = performance.now();
  for (;;) {
    const { status } = await asked("GET", `/v1/contents/${contentId}`);
    if (status === 200) break;
    expect(status).toBe(503);
    if (performance.now() - began > 10_000) throw new Error("it did not recover");
    await Bun.sleep(20);
  }
  console.info(`PostgreSQL back: served after ${(performance.now() - began).toFixed(0)} ms`);
  while ((await asked("GET", "/readyz")).status !== 200) await Bun.sleep(20);
  expect((await asked("POST", "/v1/sessions", signIn())).status).toBe(201);
}

/** The postmaster and its children. */
function processes(): number[] {
  const parents = new Map(
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        try {
          const stat = readFileSync(`/proc/${name}/stat`, "utf8");
          return [[Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])] as const];
        } catch {
          return [];
        }
      }),
  );
  return [server.pid(), ...[...parents].filter(([, parent]) => parent === server.pid()).map(([pid]) => pid)];
}

test("a PostgreSQL that has ended: only 503 problems, quickly; not ready, but alive; and it recovers by itself [row 47] [row 50]", async () => {
  const { id } = await given(client(node.url)).content(organization.token);
  await server.kill();
  await whileAway();
  // Clients are not told why; who runs it is, and not once for each of them.
  const reasons = () =>
    node
      .log()
      .split("\n")
      .filter((line) => /"event":"(database_connect_failed|unavailable)"/.test(line));
  const deadline = performance.now() + 5000;
  while (reasons().length === 0 && performance.now() < deadline) await Bun.sleep(10);
  expect(reasons().length).toBeGreaterThan(0);
  expect(reasons().length).toBeLessThan(6);
  expect(reasons()[0]).toMatch(/"error":\{.*(ECONN|CONNECTION_|57P0)/);
  await server.start();
  await back(id);
});

test("a PostgreSQL that hangs: the same [row 47] [row 50]", async () => {
  const { id } = await given(client(node.url)).content(organization.token);
  const frozen = processes();
  for (const pid of frozen) process.kill(pid, "SIGSTOP");
  try {
    await whileAway();
  } finally {
    for (const pid of frozen) process.kill(pid, "SIGCONT");
  }
  await back(id);
});
