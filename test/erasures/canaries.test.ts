/** Nothing of an erased person is found anywhere, and everything of everybody else still is. */
import { afterAll, expect, test } from "bun:test";
import { verifyChain } from "../../src/chains/chains.ts";
import { openLog } from "../../src/log.ts";
import { trustIn } from "../audit/support.ts";
import { testApp } from "../support/app.ts";
import { given } from "../support/given.ts";
import { startRedis } from "../support/redis.ts";
import { doErase, dump, foundIn, type Planted, plant, requestErasure } from "./support.ts";

const redis = await startRedis();
const logged: string[] = [];
const log = openLog({ level: "debug", write: (line) => logged.push(line) });
const app = await testApp({ config: { redisUrl: redis.url, trustedProxies: 1 }, log });
const it = given(app);
afterAll(async () => {
  await app.close();
  await redis.close();
});

async function inRedis(): Promise<string> {
  const keys = (await redis.send("KEYS", "*")) as readonly string[];
  const values = await Promise.all(keys.map((key) => redis.send("GET", key)));
  return [...keys, ...values.map(String)].join("\n");
}

const [school, other] = [await it.organization(), await it.organization()];
const [gone, stays, foreign] = [
  await plant(app, it, school),
  await plant(app, it, school),
  await plant(app, it, other),
];
const kept = Object.keys(gone.canaries);
interface Thread {
  readonly items: readonly {
    readonly id: string;
    readonly body: string | null;
    readonly author?: { id: string } | null;
  }[];
}
const comments = async () =>
  (
    await app.request<Thread>("GET", `/v1/contents/${gone.contentId}/comments?include=author,replies`, {
      token: stays.token,
    })
  ).body.items;
const [theirs] = await comments();
const answered = await app.request<{ id: string }>("POST", `/v1/contents/${gone.contentId}/comments`, {
  token: stays.token,
  body: { body: "I agree", parentId: theirs?.id },
});
await app.request("PUT", `/v1/comments/${theirs?.id}/upvote`, { token: stays.token });
const votedFor = await app.request("PUT", `/v1/comments/${answered.body.id}/upvote`, { token: gone.token });
const everywhere = async (person: Planted) => foundIn(await dump(app.database), person.canaries);

test("what is planted is there to be found before", async () => {
  expect(kept.length).toBeGreaterThanOrEqual(18);
  for (const person of [gone, stays, foreign]) expect(await everywhere(person)).toEqual(kept);
  expect(await inRedis()).toContain(gone.title);
});

test("erasing a person leaves none of it in the database, the queue, the cache, the index or the log, and all of everybody else's [row 114] [row 113]", async () => {
  const asked = await requestErasure(app, school.token, gone.id);
  expect(asked.status).toBe(202);
  expect((await app.request("GET", "/v1/me", { token: gone.token })).status).toBe(401);
  await doErase(app, school.id, gone.id);

  expect(await everywhere(gone)).toEqual([]);
  expect(foundIn(await inRedis(), gone.canaries)).toEqual([]);
  expect(foundIn(logged.join("\n"), gone.canaries)).toEqual([]);
  expect(await everywhere(stays)).toEqual(kept);
  expect(await everywhere(foreign)).toEqual(kept);

  const state = await app.request("GET", `/v1/users/${gone.id}/erasure`, { token: school.token });
  expect(state.body).toMatchObject({ userId: gone.id, state: "erased", requestedById: school.admin.id });
  const { body: live } = await app.request("GET", "/v1/me", { token: stays.token });
  expect(live).toMatchObject({ fullName: stays.canaries.fullName });
});

test("the chain of the audit still holds, and tells who asked for it and when it was done [row 113]", async () => {
  for (const { id } of [school, other]) {
    const chain = await verifyChain(app.deps, id, trustIn(app.deps.keys), []);
    expect(chain).toMatchObject({ broken: null });
    expect(chain.events).toBeGreaterThanOrEqual(10);
  }
  type Page = { items: readonly { action: string; actorId: string | null; subjectIds: readonly string[] }[] };
  const { body } = await app.request<Page>("GET", "/v1/audit-events?limit=100", { token: school.token });
  const told = body.items.filter(({ action }) => action.startsWith("erasure."));
  expect(told).toMatchObject([
    { action: "erasure.finished", actorId: null, subjectIds: [gone.id] },
    { action: "erasure.requested", actorId: school.admin.id, subjectIds: [gone.id] },
  ]);
});

test("what they wrote stays, by somebody of whom nothing is known [row 7]", async () => {
  const lesson = await app.request<{ title: string; createdById: string }>(
    "GET",
    `/v1/contents/${gone.contentId}`,
    { token: stays.token },
  );
  expect(lesson.body).toMatchObject({ title: gone.title, createdById: gone.id });
  expect((await app.request("GET", `/v1/users/${gone.id}`, { token: school.token })).status).toBe(404);
  const [row] = await app.database.admin("select * from app.user where user_id = $1", [gone.id]);
  expect(row).toMatchObject({
    email: null,
    username: `erased-${gone.id}`,
    full_name: "Erased person",
    avatar_url: null,
    time_zone: "UTC",
  });
  const found = await app.request<{ items: readonly unknown[] }>(
    "GET",
    `/v1/search?q=${encodeURIComponent(gone.title)}`,
    { token: stays.token },
  );
  expect(found.status).toBe(200);
});

test("what they said under a lesson is gone, its place above the answers of others is not, and votes count on", async () => {
  expect([answered.status, votedFor.status]).toEqual([201, 200]);
  expect(theirs).toMatchObject({ body: gone.canaries.comment, author: { id: gone.id } });
  const [place, ...others] = await comments();
  expect(others).toEqual([]);
  expect(place).toMatchObject({
    ...{
      id: theirs?.id,
      state: "deleted",
      body: null,
      authorId: null,
      author: null,
      upvoteCount: 0,
      replyCount: 1,
    },
    replies: [{ id: answered.body.id, body: "I agree", author: { id: stays.id }, upvoteCount: 1 }],
  });
  // Nobody brings it back, and its history tells when there were changes and no longer what they were.
  const admins = { token: school.token, headers: { "if-match": "*" } };
  for (const action of ["restore", "approve"]) {
    expect((await app.request("POST", `/v1/comments/${theirs?.id}/${action}`, admins)).status).toBe(404);
  }
  type Changes = { items: readonly { action: string; before: object | null; after: object | null }[] };
  const { body } = await app.request<Changes>("GET", `/v1/comments/${theirs?.id}/history`, {
    token: school.token,
  });
  expect(body.items.map(({ action }) => action)).toEqual(["update", "update", "insert"]);
  for (const { before, after } of body.items) {
    expect([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]).not.toContain("body");
  }
});

test("history still tells that there were changes, when and by whom, and no longer of what [row 9]", async () => {
  const rows = await app.database.admin<{ action: string; before: unknown; after: unknown }>(
    "select action, before, after from app.history where row_id = $1 and table_name = 'user' order by history_id",
    [gone.id],
  );
  expect(rows.length).toBeGreaterThanOrEqual(4);
  expect(rows[0]?.action).toBe("insert");
  const told = new Set(
    rows.flatMap(({ before, after }) => [...Object.keys(before ?? {}), ...Object.keys(after ?? {})]),
  );
  for (const column of ["email", "username", "full_name", "avatar_url", "time_zone", "language"]) {
    expect([...told]).not.toContain(column);
  }
  const [lesson] = await app.database.admin<{ after: { title: string } }>(
    "select after from app.history where row_id = $1 and action = 'insert'",
    [gone.contentId],
  );
  expect(lesson?.after.title).toBe(gone.title);
});
