/** A thousand who open one lesson at once, and do so again in the same hour: each counts once. */
import { afterAll, expect, test } from "bun:test";
import { pruneViews } from "../../src/counters/counters.ts";
import { crowd, ratingsOf } from "../ratings/support.ts";
import { domain } from "../support/domain.ts";

const app = await domain({
  config: { organizationConcurrency: 2000, organizationRequestsPerMinute: 100_000 },
  db: { pool: { acquireTimeoutMs: 30_000, maxWaiting: 5000 } },
});
const { it, request } = app;
const { admin } = app.database;
const { statistics } = ratingsOf(app);
afterAll(app.close);

const MANY = 1000;
const [school, other] = [await it.organization(), await it.organization()];
const people = await crowd(app, school.id, MANY);
const foreign = await it.published(other.token);
const view = (token: string, id: string) =>
  request<{ counted: boolean }>("POST", `/v1/contents/${id}/views`, { token });
const counted = (answers: readonly { readonly body: { readonly counted: boolean } }[]) =>
  answers.filter(({ body }) => body.counted).length;
/** Keeps the hour from ending between two requests of a test: what was read is moved, not the clock. */
const inThisHour = (id: string) =>
  admin("update app.content_view set last_hour = date_trunc('hour', now()) where content_id = $1", [id]);

test("a thousand viewers at once, each twice in the same hour, are a thousand views; an hour later two thousand [row 32]", async () => {
  const { id } = await it.published(school.token);
  const first = await Promise.all(people.flatMap(({ token }) => [view(token, id), view(token, id)]));
  expect(first.filter(({ status }) => status !== 200)).toEqual([]);
  await inThisHour(id);
  expect(await statistics(school.token, id)).toMatchObject({ views: counted(first), viewers: MANY });
  await admin(
    "update app.content_view set views = 1, last_hour = last_hour - interval '1 hour' where content_id = $1",
    [id],
  );
  const second = await Promise.all(people.map(({ token }) => view(token, id)));
  expect(counted(second)).toBe(MANY);
  expect(await statistics(school.token, id)).toMatchObject({ views: 2 * MANY, viewers: MANY });
  expect(await statistics(other.token, foreign.id)).toMatchObject({ views: 0, viewers: 0 });
}, 120_000);

test("a sum is exact at every moment while old rows are removed and others read on [row 32]", async () => {
  const { id } = await it.published(school.token);
  await admin(
    `insert into app.content_view (organization_id, content_id, user_id, views, last_hour)
     select $1, $2, unnest($3::uuid[]), 2, date_trunc('hour', now() - interval '401 days')`,
    [school.id, id, people.slice(0, 500).map(({ id: userId }) => userId)],
  );
  let reading = true;
  const seen: number[] = [];
  const reader = async () => {
    while (reading) seen.push((await statistics(school.token, id)).views);
  };
  const prune = async () => {
    while ((await pruneViews(app.deps, school.id, 50)) > 0);
  };
  const readers = [reader(), reader()];
  // People who are not among those that are removed.
  const more = await Promise.all([
    prune(),
    prune(),
    ...people.slice(500, 600).map(({ token }) => view(token, id)),
  ]);
  reading = false;
  await Promise.all(readers);
  expect(more.length).toBe(102);
  // What is removed from one table is in the other at once.
  expect(seen.length).toBeGreaterThan(2);
  expect(seen.filter((views) => views < 1000 || views > 1100)).toEqual([]);
  expect(await statistics(school.token, id)).toMatchObject({ views: 1100, viewers: 600 });
  expect(await admin("select from app.content_view where content_id = $1", [id])).toHaveLength(100);
}, 120_000);

test("a thousand who complete it at once, twice, and half of whom take it back, are five hundred [row 32]", async () => {
  const { id } = await it.published(school.token);
  const complete = (token: string) =>
    request<{ completedAt: string }>("POST", `/v1/contents/${id}/completion`, { token });
  const answers = await Promise.all(
    people.map(({ token }) => Promise.all([complete(token), complete(token)])),
  );
  // Both are told the same time.
  expect(answers.filter(([a, b]) => a.body.completedAt !== b.body.completedAt)).toEqual([]);
  expect(await statistics(school.token, id)).toMatchObject({ completions: MANY });
  await Promise.all(
    people
      .slice(0, MANY / 2)
      .map(({ token }) => request("DELETE", `/v1/contents/${id}/completion`, { token })),
  );
  expect(await statistics(school.token, id)).toMatchObject({ completions: MANY / 2 });
}, 120_000);
