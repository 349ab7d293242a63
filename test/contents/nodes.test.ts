/** Two processes on one database, each with a cache of its own: what one has answered, the other shows. */
import { afterAll, expect, test } from "bun:test";
import { getContent } from "../../src/contents/contents.ts";
import { openDb } from "../../src/db.ts";
import { closeDeps, openDeps } from "../../src/deps.ts";
import { endpoints } from "../../src/endpoints.ts";
import { buildApp } from "../../src/http/app.ts";
import { authenticate } from "../../src/http/authentication.ts";
import { domain } from "../support/domain.ts";

const here = await domain();
const { it, request } = here;
const { config, keys, log } = here.deps;
const db = await openDb({ url: here.database.requestUrl, log });
const there = await openDeps({ config, db, keys, log, release: "test" });
const app = buildApp({ deps: there, endpoints, authenticate, probes: { ready: () => db.check(200) } });
afterAll(async () => {
  app.close();
  await closeDeps(there);
  await db.close();
  await here.close();
});

const school = await it.organization();
const [teacher, pupil] = [await it.member(school, "teacher"), await it.member(school)];

/** Reads a lesson at the other process. */
async function read(id: string, token: string): Promise<{ status: number; title: unknown }> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await app.handle(new Request(`http://localhost/v1/contents/${id}`, { headers }));
  return { status: answer.status, title: ((await answer.json()) as { title?: unknown }).title };
}
const act = (id: string, action: string) =>
  request("POST", `/v1/contents/${id}/${action}`, { token: teacher.token });

/** Writes another title and shows it to readers. */
async function retitle(id: string, title: string): Promise<void> {
  const headers = { "if-match": "*" };
  const { status } = await request("PATCH", `/v1/contents/${id}`, {
    token: teacher.token,
    headers,
    body: { title },
  });
  expect([status, (await act(id, "publish")).status]).toEqual([200, 200]);
}

test("what one process has written the other shows at once, however often it has read before [row 84]", async () => {
  const lesson = await it.published(teacher.token, { title: "T0" });
  const beside = await it.published(teacher.token, { title: "Beside" });
  for (let n = 0; n < 20; n++) {
    for (const { token } of [teacher, pupil]) expect((await read(lesson.id, token)).title).toBe(`T${n}`);
    await retitle(lesson.id, `T${n + 1}`);
    for (const { token } of [pupil, teacher]) expect((await read(lesson.id, token)).title).toBe(`T${n + 1}`);
  }
  expect(await read(beside.id, pupil.token)).toEqual({ status: 200, title: "Beside" });
});

test("no draft is shown to pupils after a teacher has read it there, and none that was withdrawn here [row 84] [row 86]", async () => {
  const lesson = await it.content(teacher.token, { title: "Draft" });
  const both = async () => [
    (await read(lesson.id, teacher.token)).status,
    (await read(lesson.id, pupil.token)).status,
  ];
  for (let n = 0; n < 3; n++) expect(await both()).toEqual([200, 404]);
  await act(lesson.id, "publish");
  for (let n = 0; n < 3; n++) expect(await both()).toEqual([200, 200]);
  await act(lesson.id, "unpublish");
  for (let n = 0; n < 3; n++) expect(await both()).toEqual([200, 404]);
  await act(lesson.id, "publish");
  await request("DELETE", `/v1/contents/${lesson.id}`, { token: teacher.token });
  for (let n = 0; n < 3; n++) expect(await both()).toEqual([404, 404]);
  await act(lesson.id, "restore");
  expect(await both()).toEqual([200, 200]);
});

test("readers there against a writer here never see what is older than what was answered before they asked [row 84]", async () => {
  const lesson = await it.published(teacher.token, { title: "T0" });
  let answered = 0;
  let writing = true;
  const reader = async (token: string) => {
    let reads = 0;
    while (writing) {
      const least = answered;
      const { title } = await read(lesson.id, token);
      expect(Number(String(title).slice(1))).toBeGreaterThanOrEqual(least);
      reads += 1;
    }
    return reads;
  };
  const readers = [teacher, teacher, pupil, pupil].map(({ token }) => reader(token));
  for (let n = 1; n <= 40; n++) {
    await retitle(lesson.id, `T${n}`);
    answered = n;
  }
  writing = false;
  for (const reads of await Promise.all(readers)) expect(reads).toBeGreaterThan(5);
});

test("a lesson from the cache has the same values of the same types as one from the database [row 82]", async () => {
  const metadata = { b: 1, a: [1.5, -0.25, 1e-7, null, { "~tilde": "~", deep_key: "ñ" }], "": {} };
  const lesson = await it.published(teacher.token, { title: "~ not a date", metadata, tags: ["~1"] });
  const actor = {
    organizationId: school.id,
    userId: teacher.user.id,
    role: "teacher",
    credential: "session",
    sessionId: null,
    scopes: null,
    fresh: true,
    freshUntil: new Date(),
    mustEnrol: false,
    requestsPerMinute: null,
    generations: { organization: 1, users: 1, contents: 1_000_000 },
  } as const;
  const hits = () => there.cache.stats().localHits;
  const [before, loaded] = [hits(), await getContent(there, actor, lesson.id)];
  expect(hits()).toBe(before);
  const found = await getContent(there, actor, lesson.id);
  expect(hits()).toBe(before + 1);
  const uncached = await getContent(
    there,
    { ...actor, generations: { ...actor.generations, contents: 1_000_001 } },
    lesson.id,
  );
  expect(found).toEqual(loaded);
  expect(uncached).toEqual(found);
  for (const content of [loaded, found, uncached]) {
    for (const time of [content.createdAt, content.updatedAt, content.publishedAt, content.reviewedAt]) {
      expect(time).toBeInstanceOf(Date);
      expect(Math.abs(Number(time) - Date.now())).toBeLessThan(60_000);
    }
    expect(JSON.stringify(content)).toBe(JSON.stringify(loaded));
    expect(JSON.stringify(content.metadata)).toBe(JSON.stringify(metadata));
  }
});
