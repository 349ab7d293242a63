/** What one person says of a lesson: given, changed, withdrawn, given again, found helpful, hidden. */
import { afterAll, describe, expect, test } from "bun:test";
import { withTenant } from "../../src/db.ts";
import { ratingsOfIn } from "../../src/ratings/ratings.ts";
import { domain, refusedBy } from "../support/domain.ts";
import { ratingsOf } from "./support.ts";

const statements: string[] = [];
const app = await domain({ db: { onStatement: (name) => statements.push(name) } });
const { it, as, request } = app;
const { admin, db } = app.database;
const { rate, own, withdraw, list, read, helpful, hidden, statistics } = ratingsOf(app);
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [teacher, colleague, pupil, classmate, parent] = [
  await it.member(school, "teacher"),
  await it.member(school, "teacher"),
  await it.member(school),
  await it.member(school),
  await it.member(school, "parent"),
];
const stranger = await it.member(other);
const lesson = () => it.published(teacher.token);
const theirs = await it.published(other.token);
const slugOf = (body: { readonly type?: string } | null) => body?.type?.replace("urn:satchel:problem:", "");

describe("a rating", () => {
  test("is one per person and lesson; rating again changes it, whole [row 36]", async () => {
    const { id } = await lesson();
    const first = await rate(pupil.token, id, 4, "It made sense.");
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({
      ...{ contentId: id, userId: pupil.user.id, stars: 4, review: "It made sense." },
      ...{ hiddenAt: null, helpfulCount: 0 },
    });
    const second = await rate(pupil.token, id, 2);
    expect(second.body).toMatchObject({ id: first.body.id, stars: 2, review: null });
    expect((await own(pupil.token, id)).body).toEqual(second.body);
    expect((await own(classmate.token, id)).status).toBe(404);
    expect((await statistics(pupil.token, id)).ratings).toEqual({
      ...{ average: 2, count: 1, distribution: [0, 1, 0, 0, 0] },
    });
  });

  test("is withdrawn, counts no longer, and can be given anew as another one [row 36] [row 37] [row 61]", async () => {
    const { id } = await lesson();
    const first = await rate(pupil.token, id, 1, "Too fast.");
    await rate(classmate.token, id, 4);
    expect((await withdraw(pupil.token, id)).status).toBe(204);
    expect((await withdraw(pupil.token, id)).status).toBe(404);
    expect((await own(pupil.token, id)).status).toBe(404);
    expect((await read(pupil.token, first.body.id)).status).toBe(404);
    expect((await list(teacher.token, id)).body.items).toEqual([]);
    expect((await statistics(teacher.token, id)).ratings).toEqual({
      ...{ average: 4, count: 1, distribution: [0, 0, 0, 1, 0] },
    });
    const again = await rate(pupil.token, id, 5, "Now I see.");
    expect(again.status).toBe(200);
    expect(again.body.id).not.toBe(first.body.id);
    expect((await statistics(teacher.token, id)).ratings).toEqual({
      ...{ average: 4.5, count: 2, distribution: [0, 0, 0, 1, 1] },
    });
    // What was withdrawn is as it was.
    const [row] = await admin("select stars, review, deleted_by_id from app.rating where rating_id = $1", [
      first.body.id,
    ]);
    expect(row).toEqual({ stars: 1, review: "Too fast.", deleted_by_id: pupil.user.id });
  });

  test.each([0, 6, -1, 3.5, "5", null, true])(
    "of %p stars is refused, and nothing changes [row 35]",
    async (stars) => {
      const { id } = await lesson();
      await rate(pupil.token, id, 3);
      const answer = await request("PUT", `/v1/contents/${id}/rating`, {
        token: pupil.token,
        body: { stars },
      });
      expect(answer.status).toBe(422);
      expect((await own(pupil.token, id)).body.stars).toBe(3);
    },
  );

  test.each([
    ["no stars", "stars = 0", "rating_stars_range"],
    ["six stars", "stars = 6", "rating_stars_range"],
    ["fewer votes than none", "helpful_count = -1", "rating_helpful_count_counts"],
    ["an empty review", "review = ''", "rating_review_length"],
    ["an endless review", "review = repeat('x', 5001)", "rating_review_length"],
  ])("with %s is refused by the database too [row 35] [row 38]", async (_, change, constraint) => {
    const { id } = await lesson();
    const { body } = await rate(pupil.token, id, 3);
    const refused = await refusedBy(
      as(school.id, `update app.rating set ${change} where rating_id = $1`, [body.id]),
    );
    expect(refused).toEqual({ code: "23514", constraint });
  });

  test("a second live one of a person is refused by the database, and nobody moves one to another lesson [row 36]", async () => {
    const { id } = await lesson();
    const { body } = await rate(pupil.token, id, 3);
    const insert =
      "insert into app.rating (organization_id, content_id, user_id, stars) values ($1, $2, $3, 3)";
    expect(await refusedBy(as(school.id, insert, [school.id, id, pupil.user.id]))).toEqual({
      ...{ code: "23505", constraint: "rating_person_unique" },
    });
    for (const column of ["content_id", "user_id", "rating_id"]) {
      const move = `update app.rating set ${column} = $2 where rating_id = $1`;
      expect((await refusedBy(as(school.id, move, [body.id, theirs.id])))?.code).toBe("42501");
    }
    expect((await refusedBy(as(school.id, "delete from app.rating")))?.code).toBe("42501");
  });

  test("a blank review, a long one, an unknown field: refused [row 60]", async () => {
    const { id } = await lesson();
    for (const body of [
      { stars: 3, review: " " },
      { stars: 3, review: "" },
      { stars: 3, review: "x".repeat(5001) },
      { stars: 3, userId: classmate.user.id },
      { stars: 3, helpfulCount: 9 },
      { review: "no stars" },
    ]) {
      expect((await request("PUT", `/v1/contents/${id}/rating`, { token: pupil.token, body })).status).toBe(
        422,
      );
    }
    expect((await own(pupil.token, id)).status).toBe(404);
  });

  test("of a draft, a deleted lesson, another organization's or none at all is answered alike [row 45]", async () => {
    const draft = await it.content(teacher.token);
    const gone = await lesson();
    await request("DELETE", `/v1/contents/${gone.id}`, { token: teacher.token });
    for (const id of [draft.id, gone.id, theirs.id, Bun.randomUUIDv7()]) {
      const before = await admin("select count(*) from app.rating");
      for (const answer of [
        await rate(pupil.token, id, 5),
        await own(pupil.token, id),
        await withdraw(pupil.token, id),
        await list(pupil.token, id),
      ]) {
        expect([answer.status, slugOf(answer.body as { type?: string })]).toEqual([404, "not_found"]);
      }
      expect(await admin("select count(*) from app.rating")).toEqual(before);
    }
  });

  test("leaves a record of each change, and the lesson as it was [row 9]", async () => {
    const given = await lesson();
    const before = await request("GET", `/v1/contents/${given.id}`, { token: pupil.token });
    const { body } = await rate(pupil.token, given.id, 3, "So so.");
    await rate(pupil.token, given.id, 4, "So so.");
    await helpful(classmate.token, body.id);
    await withdraw(pupil.token, given.id);
    const after = await request("GET", `/v1/contents/${given.id}`, { token: pupil.token });
    expect(after.headers.get("etag")).toBe(before.headers.get("etag"));
    expect(after.body).toEqual(before.body);
    const history = await admin<{ action: string; actor: string; after: Record<string, unknown> | null }>(
      `select action, actor_id as actor, after from app.history
       where table_name = 'rating' and row_id = $1 order by history_id`,
      [body.id],
    );
    // A vote of somebody else is no change of the rating.
    expect(history.map(({ action, actor }) => [action, actor])).toEqual([
      ["insert", pupil.user.id],
      ["update", pupil.user.id],
      ["update", pupil.user.id],
    ]);
    expect(history[1]?.after).toMatchObject({ stars: 4 });
    expect(Object.keys(history[1]?.after ?? {}).sort()).toEqual(["stars", "updated_at"]);
  });
});

describe("sums", () => {
  test("of many lessons come in one query, with those that nobody has rated [row 67]", async () => {
    const lessons = [await lesson(), await lesson(), await lesson()];
    const [first, second, none] = lessons.map(({ id }) => id) as [string, string, string];
    await rate(pupil.token, first, 5);
    await rate(classmate.token, first, 4);
    await rate(parent.token, second, 1);
    await request("PUT", `/v1/contents/${theirs.id}/rating`, { token: stranger.token, body: { stars: 5 } });
    statements.length = 0;
    const sums = await withTenant(
      db,
      { organizationId: school.id, userId: null },
      (tx) => ratingsOfIn(tx, school.id, [first, second, none, theirs.id]),
      { readOnly: true },
    );
    expect(statements.filter((name) => name.startsWith("ratings/"))).toEqual(["ratings/list_sums"]);
    expect([...sums]).toEqual([
      [first, { average: 4.5, count: 2, distribution: [0, 0, 0, 1, 1] }],
      [second, { average: 1, count: 1, distribution: [1, 0, 0, 0, 0] }],
      [none, { average: null, count: 0, distribution: [0, 0, 0, 0, 0] }],
      [theirs.id, { average: null, count: 0, distribution: [0, 0, 0, 0, 0] }],
    ]);
  });
});

describe("helpful votes", () => {
  test("are one per person, taken back, and never one's own [row 36]", async () => {
    const { id } = await lesson();
    const { body } = await rate(pupil.token, id, 4, "Helped me.");
    for (const token of [classmate.token, classmate.token, parent.token, teacher.token]) {
      expect((await helpful(token, body.id)).status).toBe(204);
    }
    expect((await read(teacher.token, body.id)).body.helpfulCount).toBe(3);
    const refused = await helpful(pupil.token, body.id);
    expect([refused.status, slugOf(refused.body)]).toEqual([403, "own_rating"]);
    for (const token of [parent.token, parent.token])
      expect((await helpful(token, body.id, "DELETE")).status).toBe(204);
    expect((await read(teacher.token, body.id)).body.helpfulCount).toBe(2);
    expect((await list(classmate.token, id)).body.items).toMatchObject([
      { id: body.id, helpfulCount: 2, foundHelpful: true },
    ]);
    expect((await list(parent.token, id)).body.items).toMatchObject([
      { id: body.id, helpfulCount: 2, foundHelpful: false },
    ]);
  });

  test("need a review that the voter may see [row 45]", async () => {
    const [shown, draft] = [await lesson(), await lesson()];
    const bare = await rate(pupil.token, shown.id, 4);
    const foreign = await request<{ id: string }>("PUT", `/v1/contents/${theirs.id}/rating`, {
      ...{ token: stranger.token, body: { stars: 5, review: "Theirs." } },
    });
    const unpublished = await rate(pupil.token, draft.id, 4, "Soon out of sight.");
    await request("POST", `/v1/contents/${draft.id}/unpublish`, { token: teacher.token });
    for (const id of [bare.body.id, foreign.body.id, unpublished.body.id, Bun.randomUUIDv7()]) {
      const answer = await helpful(classmate.token, id);
      expect([answer.status, slugOf(answer.body)]).toEqual([404, "not_found"]);
    }
    expect(await admin("select from app.helpful_vote where rating_id = $1", [foreign.body.id])).toEqual([]);
  });

  test("change neither what was rated nor when [row 9]", async () => {
    const { id } = await lesson();
    const { body } = await rate(pupil.token, id, 4, "Helped me.");
    await helpful(classmate.token, body.id);
    expect((await read(pupil.token, body.id)).body).toEqual({
      ...body,
      type: undefined,
      helpfulCount: 1,
    } as never);
  });
});

describe("hidden reviews", () => {
  test("are out of sight for all but staff and their author; the stars count; the audit tells", async () => {
    const { id } = await lesson();
    const { body } = await rate(pupil.token, id, 1, "Something abusive.");
    expect((await hidden(teacher.token, body.id)).body.hiddenAt).toBeString();
    const again = await hidden(school.token, body.id);
    expect(again.status).toBe(200);
    expect((await list(classmate.token, id)).body.items).toEqual([]);
    expect((await list(classmate.token, id, "?order=helpful")).body.items).toEqual([]);
    expect((await read(classmate.token, body.id)).status).toBe(404);
    expect((await helpful(classmate.token, body.id)).status).toBe(404);
    expect((await list(colleague.token, id)).body.items).toMatchObject([{ id: body.id }]);
    expect((await own(pupil.token, id)).body).toMatchObject({ review: "Something abusive." });
    expect((await statistics(classmate.token, id)).ratings.count).toBe(1);
    // Writing something else does not bring it back by itself.
    await rate(pupil.token, id, 1, "Something kinder.");
    expect((await list(classmate.token, id)).body.items).toEqual([]);
    expect((await hidden(teacher.token, body.id, "DELETE")).body.hiddenAt).toBeNull();
    expect((await list(classmate.token, id)).body.items).toMatchObject([{ review: "Something kinder." }]);
    const audited = await admin<{ action: string }>(
      "select action from app.audit_event where organization_id = $1 and target_id = $2 order by sequence",
      [school.id, body.id],
    );
    expect(audited.map(({ action }) => action)).toEqual(["rating.hidden", "rating.shown"]);
  });

  test("stay hidden when their author withdraws them and rates anew, here and nowhere else", async () => {
    const [{ id }, neighbour] = [await lesson(), await lesson()];
    const { body } = await rate(pupil.token, id, 1, "Something abusive.");
    await hidden(teacher.token, body.id);
    await withdraw(pupil.token, id);
    const anew = await rate(pupil.token, id, 1, "Something abusive.");
    expect(anew.body.id).not.toBe(body.id);
    expect((await list(classmate.token, id)).body.items).toEqual([]);
    await rate(classmate.token, id, 4, "Another's.");
    expect((await list(pupil.token, id)).body.items).toMatchObject([{ review: "Another's." }]);
    await rate(pupil.token, neighbour.id, 4, "Elsewhere.");
    expect((await list(classmate.token, neighbour.id)).body.items).toMatchObject([{ review: "Elsewhere." }]);
    expect((await hidden(teacher.token, anew.body.id, "DELETE")).body.hiddenAt).toBeNull();
    await withdraw(pupil.token, id);
    await rate(pupil.token, id, 5, "Shown again.");
    expect((await list(classmate.token, id)).body.items).toMatchObject([
      { review: "Shown again." },
      { review: "Another's." },
    ]);
  });

  test("are hidden by the lesson's author and admins alone", async () => {
    const { id } = await lesson();
    const { body } = await rate(pupil.token, id, 1, "Not nice.");
    for (const method of ["PUT", "DELETE"] as const) {
      expect((await hidden(colleague.token, body.id, method)).status).toBe(403);
      expect((await hidden(pupil.token, body.id, method)).status).toBe(403);
      expect((await hidden(other.token, body.id, method)).status).toBe(404);
    }
    expect((await read(classmate.token, body.id)).body.hiddenAt).toBeNull();
  });
});

describe("what follows the lesson [row 62]", () => {
  const live = (contentId: string) =>
    admin<{ stars: number }>(
      "select stars from app.rating where content_id = $1 and deleted_at is null order by stars",
      [contentId],
    );

  test("its deletion takes the ratings along, its restoring brings back exactly those", async () => {
    const [taken, untouched] = [await lesson(), await lesson()];
    await rate(pupil.token, taken.id, 1, "Withdrawn before.");
    await withdraw(pupil.token, taken.id);
    await rate(pupil.token, taken.id, 5, "Stays.");
    const { body: kept } = await rate(classmate.token, taken.id, 4, "Stays too.");
    await helpful(pupil.token, kept.id);
    await rate(parent.token, taken.id, 2);
    await withdraw(parent.token, taken.id);
    await rate(pupil.token, untouched.id, 3);
    const before = await statistics(pupil.token, taken.id);
    expect((await request("DELETE", `/v1/contents/${taken.id}`, { token: teacher.token })).status).toBe(204);
    expect(await live(taken.id)).toEqual([]);
    expect(await live(untouched.id)).toEqual([{ stars: 3 }]);
    expect((await read(pupil.token, kept.id)).status).toBe(404);
    const restored = await request("POST", `/v1/contents/${taken.id}/restore`, { token: teacher.token });
    expect(restored.status).toBe(200);
    expect(await live(taken.id)).toEqual([{ stars: 4 }, { stars: 5 }]);
    expect(await statistics(school.token, taken.id)).toEqual(before);
    expect((await own(parent.token, taken.id)).status).toBe(404);
    expect((await list(teacher.token, taken.id)).body.items.map(({ review }) => review)).toEqual([
      ...["Stays too.", "Stays."],
    ]);
  });
});
