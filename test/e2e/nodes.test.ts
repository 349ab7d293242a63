/** Several nodes on one database: what one has confirmed holds on the others at once. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type RunningCommand, type RunningSatchel, startCommand, startSatchel } from "../support/binary.ts";
import { client } from "../support/client.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { given, PASSWORD } from "../support/given.ts";
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

/** What takes a right away; each gives its answer. `other` is another session of the same person. */
const ENDINGS: Readonly<
  Record<string, (person: { id: string; token: string; other: string; admin: string }) => Promise<number>>
> = {
  "signing out": async ({ token }) =>
    (await ask(one.url, "DELETE", "/v1/sessions/current", { token })).status,
  "ending all others": async ({ other }) =>
    (await ask(one.url, "DELETE", "/v1/sessions?others=true", { token: other })).status,
  "an admin who ends all": async ({ id, admin }) =>
    (await ask(one.url, "DELETE", `/v1/users/${id}/sessions`, { token: admin })).status,
  "another password": async ({ other }) =>
    (
      await ask(one.url, "PUT", "/v1/me/password", {
        token: other,
        body: { currentPassword: PASSWORD, newPassword: `${PASSWORD} again` },
      })
    ).status,
  "another role": async ({ id, admin }) =>
    (
      await ask(one.url, "PUT", `/v1/users/${id}/role`, {
        token: admin,
        headers: { "if-match": "*" },
        body: { role: "parent" },
      })
    ).status,
  suspending: async ({ id, admin }) =>
    (
      await ask(one.url, "PATCH", `/v1/users/${id}`, {
        token: admin,
        headers: { "if-match": "*" },
        body: { status: "suspended" },
      })
    ).status,
  deleting: async ({ id, admin }) =>
    (await ask(one.url, "DELETE", `/v1/users/${id}`, { token: admin, headers: { "if-match": "*" } })).status,
  "proving oneself again": async ({ token }) =>
    (
      await ask(one.url, "POST", "/v1/sessions/current/reauthentication", {
        token,
        body: { password: PASSWORD },
      })
    ).status,
};

test.each(Object.keys(ENDINGS))(
  "%s on one node is over on the other with the next request, for this person alone [row 77]",
  async (name) => {
    const people = given(client(one.url));
    const house = await people.organization();
    const { user, token } = await people.member(house);
    const other = await people.session(house, user);
    const neighbour = await people.member(house);
    const asks = (count: number, each: string) =>
      Promise.all(
        Array.from(
          { length: count },
          async () => (await ask(two.url, "GET", "/v1/me", { token: each })).status,
        ),
      );
    expect(await asks(5, token)).toEqual(Array(5).fill(200));
    const status = await ENDINGS[name]?.({ id: user.id, token, other, admin: house.token });
    expect([200, 204]).toContain(status ?? 0);
    expect(await asks(20, token)).toEqual(Array(20).fill(401));
    expect(await asks(1, neighbour.token)).toEqual([200]);
  },
);

test("a refresh token used on both nodes at once has one child, and used again later ends it on both [row 77]", async () => {
  const people = given(client(one.url));
  const house = await people.organization();
  const signedIn = await ask<{ refreshToken: string }>(one.url, "POST", "/v1/sessions", {
    body: { organization: house.slug, login: house.admin.username, password: PASSWORD, longLived: true },
  });
  const { refreshToken } = signedIn.body;
  const refresh = (url: string) =>
    ask<{ token: string }>(url, "POST", "/v1/sessions/refresh", { body: { refreshToken } });
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, n) => refresh(n % 2 === 0 ? one.url : two.url)),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(39).fill(409)]);
  const token = answers.find(({ status }) => status === 200)?.body.token ?? "";
  await database.admin(
    "update app.refresh_token set used_at = used_at - interval '11 seconds' where used_at is not null",
  );
  expect((await refresh(two.url)).status).toBe(401);
  expect((await ask(one.url, "GET", "/v1/me", { token })).status).toBe(401);
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
