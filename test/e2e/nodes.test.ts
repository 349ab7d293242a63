/** Several nodes on one database: what one has confirmed holds on the others at once. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type RunningCommand, type RunningSatchel, startCommand, startSatchel } from "../support/binary.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { ask, type Founded, found, until } from "../support/http.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";

setDefaultTimeout(60_000);

let database: TestDatabase;
let redis: TestRedis;
let one: RunningSatchel;
let two: RunningSatchel;
let worker: RunningCommand;
let school: Founded;

beforeAll(async () => {
  database = await testDatabase();
  redis = await startRedis();
  const env = {
    DATABASE_URL: database.requestUrl,
    REDIS_URL: redis.url,
    SATCHEL_SECRET: "the-same-on-every-node-and-long-enough-0123456789",
    SATCHEL_SIGN_UP: "open",
    SATCHEL_JOBS: "off",
  };
  [one, two] = await Promise.all([startSatchel({ env }), startSatchel({ env })]);
  worker = await startCommand(["work"], { env });
  school = await found(one.url, "many-nodes");
}, 60_000);

afterAll(async () => {
  worker.kill("SIGTERM");
  expect((await worker.ended).code).toBe(0);
  expect(await Promise.all([one.stop(), two.stop()])).toEqual([0, 0]);
  await redis.close();
  await database.close();
}, 60_000);

const signIn = async (url: string) =>
  (await ask<{ token: string }>(url, "POST", "/v1/sessions", { body: school.login })).body.token;

test("a session opened on one node is good on the other, and ended on one is refused on the other at once [row 77]", async () => {
  for (let round = 0; round < 20; round++) {
    const token = await signIn(one.url);
    expect((await ask(two.url, "GET", "/v1/me", { token })).status).toBe(200);
    expect((await ask(one.url, "DELETE", "/v1/sessions/current", { token })).status).toBe(204);
    expect((await ask(two.url, "GET", "/v1/me", { token })).status).toBe(401);
  }
  expect((await ask(two.url, "GET", "/v1/me", { token: school.token })).status).toBe(200);
});

async function staleReads(rounds: number): Promise<number> {
  const { token } = school;
  const { body } = await ask<{ id: string }>(one.url, "POST", "/v1/contents", {
    token,
    body: { title: "0" },
  });
  let stale = 0;
  for (let round = 1; round <= rounds; round++) {
    const [writer, reader] = round % 2 === 0 ? [one, two] : [two, one];
    await ask(reader.url, "GET", `/v1/contents/${body.id}`, { token });
    const written = await ask(writer.url, "PATCH", `/v1/contents/${body.id}`, {
      token,
      body: { title: String(round) },
      headers: { "if-match": "*" },
    });
    expect(written.status).toBe(200);
    const read = await ask<{ title: string }>(reader.url, "GET", `/v1/contents/${body.id}`, { token });
    if (read.body.title !== String(round)) stale++;
  }
  return stale;
}

test("a write confirmed by one node is what the other reads next, through both caches [row 84]", async () => {
  expect(await staleReads(50)).toBe(0);
});

test("with Redis hung nothing changes but the speed: no stale read, no refusal, sessions end at once [row 87]", async () => {
  redis.pause();
  try {
    expect(await staleReads(10)).toBe(0);
    const token = await signIn(two.url);
    expect((await ask(two.url, "DELETE", "/v1/sessions/current", { token })).status).toBe(204);
    expect((await ask(one.url, "GET", "/v1/me", { token })).status).toBe(401);
  } finally {
    redis.resume();
  }
});

test("jobs of all nodes are done by a worker of its own [row 100]", async () => {
  const { token } = school;
  const { body } = await ask<{ id: string }>(two.url, "POST", "/v1/contents", {
    token,
    body: { title: "Worked elsewhere", body: "hippopotamus" },
  });
  await ask(two.url, "POST", `/v1/contents/${body.id}/publish`, { token });
  const { items } = await until(
    "being indexed by the worker",
    async () =>
      (
        await ask<{ items: readonly { id: string }[] }>(one.url, "GET", "/v1/search?q=hippopotamus", {
          token,
        })
      ).body,
    (found) => found.items.length > 0,
  );
  expect(items[0]?.id).toBe(body.id);
});

test("a node with another secret refuses to start, and says what to do [row 103]", async () => {
  const refused = startSatchel({
    env: {
      DATABASE_URL: database.requestUrl,
      SATCHEL_SECRET: "quite-another-secret-that-is-just-as-long-0123456789",
    },
  });
  expect(refused).rejects.toThrow(/exit code 78.*another secret.*Set SATCHEL_SECRET/s);
  await refused.catch(() => {});
});
