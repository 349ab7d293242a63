/** A thousand who rate one lesson at once, change their minds at once, and vote at once: no one is lost or counted twice. */
import { afterAll, expect, test } from "bun:test";
import { domain } from "../support/domain.ts";
import { crowd, type Rating, ratingsOf, type Sums } from "./support.ts";

// As many waiting for a connection as there are raters.
const app = await domain({
  config: { organizationConcurrency: 2000, organizationRequestsPerMinute: 100_000 },
  db: { pool: { acquireTimeoutMs: 30_000, maxWaiting: 5000 } },
});
const { it, request } = app;
const { admin } = app.database;
const { rate, withdraw, helpful, statistics } = ratingsOf(app);
afterAll(app.close);

const MANY = 1000;
const [school, other] = [await it.organization(), await it.organization()];
const people = await crowd(app, school.id, MANY);
const bystander = await it.published(school.token);
const foreign = await it.published(other.token);
await rate(school.token, bystander.id, 2);
await rate(other.token, foreign.id, 2);
const untouched = async () => [
  (await statistics(school.token, bystander.id)).ratings,
  (await statistics(other.token, foreign.id)).ratings,
];
const before = await untouched();

/** What the sums must be, from the rows as they lie there. */
async function fromRows(contentId: string): Promise<Sums> {
  const rows = await admin<{ stars: number }>(
    "select stars from app.rating where content_id = $1 and deleted_at is null",
    [contentId],
  );
  const distribution = [1, 2, 3, 4, 5].map((stars) => rows.filter((row) => row.stars === stars).length);
  const sum = rows.reduce((total, { stars }) => total + stars, 0);
  return { average: rows.length === 0 ? null : sum / rows.length, count: rows.length, distribution };
}

test("a thousand raters at once are a thousand ratings, their average exact; again, and they are no more [row 36] [row 37]", async () => {
  const { id } = await it.published(school.token);
  const stars = (n: number) => 1 + (n % 5);
  const first = await Promise.all(people.map(({ token }, n) => rate(token, id, stars(n))));
  expect(first.filter(({ status }) => status !== 200).map(({ body }) => body)).toEqual([]);
  expect((await statistics(school.token, id)).ratings).toEqual({
    ...{ average: 3, count: MANY, distribution: [200, 200, 200, 200, 200] },
  });
  // Everybody changes their mind, twice at once.
  await Promise.all(people.flatMap(({ token }, n) => [rate(token, id, 4), rate(token, id, 4 + (n % 2))]));
  const { ratings } = await statistics(school.token, id);
  expect(ratings.count).toBe(MANY);
  expect(ratings).toEqual(await fromRows(id));
  expect(await untouched()).toEqual(before);
}, 120_000);

test("people who rate, withdraw and rate anew at once end with one rating or none, and the sums say which [row 36] [row 37]", async () => {
  const { id } = await it.published(school.token);
  const restless = people.slice(0, 100);
  const answers = await Promise.all(
    restless.flatMap(({ token }, n) => [
      rate(token, id, 1 + (n % 5)),
      withdraw(token, id),
      rate(token, id, 1 + ((n + 1) % 5)),
      withdraw(token, id),
      rate(token, id, 1 + ((n + 2) % 5)),
    ]),
  );
  // Whoever found nothing to withdraw was told so.
  expect(answers.filter(({ status }) => ![200, 204, 404].includes(status))).toEqual([]);
  const live = await admin<{ n: number }>(
    `select count(*)::int as n from app.rating where content_id = $1 and deleted_at is null group by user_id`,
    [id],
  );
  expect(live.every(({ n }) => n === 1)).toBe(true);
  expect((await statistics(school.token, id)).ratings).toEqual(await fromRows(id));
  const again = await Promise.all(restless.map(({ token }) => rate(token, id, 5)));
  expect(again.every(({ status }) => status === 200)).toBe(true);
  expect((await statistics(school.token, id)).ratings).toEqual({
    ...{ average: 5, count: 100, distribution: [0, 0, 0, 0, 100] },
  });
}, 120_000);

test("votes given and taken back at once add up [row 36]", async () => {
  const { id } = await it.published(school.token);
  const [author, ...voters] = people.slice(0, 201);
  if (author === undefined) throw new Error("nobody wrote a review");
  const { body } = await rate(author.token, id, 5, "Read it twice.");
  await Promise.all(voters.flatMap(({ token }) => [helpful(token, body.id), helpful(token, body.id)]));
  const count = async () =>
    (await request<Rating>("GET", `/v1/ratings/${body.id}`, { token: school.token })).body.helpfulCount;
  expect(await count()).toBe(200);
  await Promise.all(voters.map(({ token }, n) => helpful(token, body.id, n % 2 === 0 ? "DELETE" : "PUT")));
  expect(await count()).toBe(100);
  expect(await admin("select from app.helpful_vote where rating_id = $1", [body.id])).toHaveLength(100);
}, 120_000);

test("a lesson that is deleted while many rate it takes along every rating, and gives every one back [row 62]", async () => {
  const { id } = await it.published(school.token);
  const raters = people.slice(0, 200);
  const [deletion, ...answers] = await Promise.all([
    request("DELETE", `/v1/contents/${id}`, { token: school.token }),
    ...raters.map(({ token }) => rate(token, id, 3)),
  ]);
  // Who holds the lesson to rate it may keep its deletion waiting longer than it is willing to.
  if (deletion.status !== 204) {
    expect(deletion.status).toBe(503);
    expect((await request("DELETE", `/v1/contents/${id}`, { token: school.token })).status).toBe(204);
  }
  const given = answers.filter(({ status }) => status === 200).length;
  expect(answers.filter(({ status }) => status !== 200 && status !== 404)).toEqual([]);
  expect(await admin("select from app.rating where content_id = $1 and deleted_at is null", [id])).toEqual(
    [],
  );
  await request("POST", `/v1/contents/${id}/restore`, { token: school.token });
  expect((await fromRows(id)).count).toBe(given);
}, 120_000);
