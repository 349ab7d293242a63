/** What ratings, views and completions say of a person: what an export gives them, and what erasing them leaves. */
import { afterAll, expect, test } from "bun:test";
import { pruneSessionsJob } from "../../jobs/prune-sessions.ts";
import { doErase, requestErasure } from "../erasures/support.ts";
import { domain } from "../support/domain.ts";
import { ratingsOf } from "./support.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
const { rate, withdraw, helpful, list, read, statistics } = ratingsOf(app);
afterAll(app.close);

const school = await it.organization();
const lesson = await it.published(school.token);
const [gone, stays] = [await it.member(school), await it.member(school)];

/** Everything there is to do with a lesson. */
async function engage(token: string, review: string): Promise<string> {
  await rate(token, lesson.id, 1, `${review} withdrawn`);
  await withdraw(token, lesson.id);
  await rate(token, lesson.id, 2, `${review} former`);
  const { body } = await rate(token, lesson.id, 4, review);
  await request("POST", `/v1/contents/${lesson.id}/views`, { token });
  await request("POST", `/v1/contents/${lesson.id}/completion`, { token });
  return body.id;
}
const ratingOfGone = await engage(gone.token, "xylophone");
const ratingOfStays = await engage(stays.token, "accordion");
await helpful(gone.token, ratingOfStays);
await helpful(stays.token, ratingOfGone);

interface Exported {
  readonly about: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
}

test("an export holds a person's ratings, votes, views and completions, and nobody else's [row 114]", async () => {
  const { status, body } = await request<Exported>("POST", `/v1/users/${gone.user.id}/exports`, {
    token: school.token,
  });
  expect(status).toBe(200);
  expect(body.about.rating?.map(({ review }) => review)).toEqual(["xylophone", "xylophone withdrawn"]);
  expect(body.about.rating?.[0]).toMatchObject({ contentId: lesson.id, stars: 4 });
  expect(body.about.helpfulVote).toMatchObject([{ ratingId: ratingOfStays }]);
  expect(body.about.contentView).toMatchObject([{ contentId: lesson.id, views: 1 }]);
  expect(body.about.completion).toMatchObject([{ contentId: lesson.id }]);
  const text = JSON.stringify(body);
  expect(text).toContain("xylophone former");
  expect(text).not.toContain("accordion");
  expect(text).not.toContain(stays.user.id);
});

test("erasing a person takes their words, views and completions; stars, votes and how often it was read stay counted [row 32] [row 37] [row 114]", async () => {
  const before = await statistics(stays.token, lesson.id);
  expect(before).toMatchObject({ views: 2, viewers: 2, completions: 2, ratings: { average: 4, count: 2 } });
  expect((await requestErasure(app, school.token, gone.user.id)).status).toBe(202);
  await doErase(app, school.id, gone.user.id);

  expect(await statistics(stays.token, lesson.id)).toEqual({ ...before, completions: 1 });
  expect((await list(stays.token, lesson.id)).body.items).toMatchObject([
    { id: ratingOfStays, review: "accordion", helpfulCount: 1 },
  ]);
  expect((await read(school.token, ratingOfGone)).status).toBe(404);
  const rows = await admin<{ stars: number; review: string | null; helpful: number }>(
    "select stars, review, helpful_count as helpful from app.rating where user_id = $1 order by rating_id",
    [gone.user.id],
  );
  expect(rows).toEqual([
    { stars: 1, review: null, helpful: 0 },
    { stars: 4, review: null, helpful: 1 },
  ]);
  for (const table of ["content_view", "completion"]) {
    expect(await admin(`select user_id as id from app.${table} where content_id = $1`, [lesson.id])).toEqual([
      { id: stays.user.id },
    ]);
  }
  const [left] = await admin<{ n: number }>(
    "select count(*)::int as n from app.history where concat(before, after) like '%xylophone%'",
  );
  expect(left?.n).toBe(0);
  expect(await admin("select views::int, viewers::int from app.content_tally")).toEqual([
    { views: 1, viewers: 1 },
  ]);
});

test("the job that tidies up removes who read a lesson long ago, and no number changes [row 32]", async () => {
  const before = await statistics(stays.token, lesson.id);
  await admin(
    "update app.content_view set last_hour = last_hour - interval '401 days' where content_id = $1",
    [lesson.id],
  );
  const { signal } = new AbortController();
  await pruneSessionsJob(app.deps, {
    ...{ id: crypto.randomUUID(), payload: {}, attempt: 1, lastAttempt: false, signal },
  });
  expect(await admin("select from app.content_view where content_id = $1", [lesson.id])).toEqual([]);
  expect(await statistics(stays.token, lesson.id)).toEqual(before);
});
