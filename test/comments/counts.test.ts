/** Votes and counts: exact, however many come at once, and through everything that can happen to what they count. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { countCommentsOfIn } from "../../src/comments/comments.ts";
import { withTenant } from "../../src/db.ts";
import { cast } from "../support/cast.ts";
import { domain, refusedBy } from "../support/domain.ts";
import { commenting, ids, outcome } from "./support.ts";

const app = await domain();
const { it, as } = app;
const { admin, db } = app.database;
const { write, written, read, remove, act, of, replies, upvote, withdraw } = commenting(app);
const { person, session } = cast(app);
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const teacher = await it.member(school, "teacher");
const pupil = await it.member(school, "student");
const crowd: string[] = [];
beforeAll(async () => {
  for (let n = 0; n < 100; n++) crowd.push((await session(await person(school.id, "student"))).token);
});
const counts = async (...contentIds: readonly string[]) => {
  const found = await withTenant(
    db,
    { organizationId: school.id, userId: null },
    (tx) => countCommentsOfIn(tx, school.id, contentIds),
    { readOnly: true },
  );
  return contentIds.map((id) => found.get(id));
};
const stored = async (id: string) =>
  (
    await admin<{ upvotes: number; votes: number; version: number; changes: number }>(
      `select s.upvotes, c.version,
         (select count(*)::int from app.comment_upvote v where v.comment_id = c.comment_id) as votes,
         (select count(*)::int from app.history h where h.row_id = c.comment_id) as changes
       from app.comment c join app.comment_score s using (organization_id, comment_id) where comment_id = $1`,
      [id],
    )
  )[0];

describe("votes [row 34]", () => {
  test("are one a person: given twice they count once, withdrawn twice once less", async () => {
    const { id: lesson } = await it.published(teacher.token);
    const { id, ...made } = await written(pupil.token, lesson, "Text");
    const [token = ""] = crowd;
    expect((await upvote(token, id)).body).toEqual({ ...made, id, upvoteCount: 1, upvotedByMe: true });
    expect((await upvote(token, id)).body).toMatchObject({ upvoteCount: 1, upvotedByMe: true });
    expect((await read(pupil.token, id)).body).toMatchObject({ upvoteCount: 1, upvotedByMe: false });
    expect((await withdraw(token, id)).body).toMatchObject({ upvoteCount: 0, upvotedByMe: false });
    expect((await withdraw(token, id)).body).toMatchObject({ upvoteCount: 0, upvotedByMe: false });
    expect((await upvote(token, id)).body).toMatchObject({ upvoteCount: 1, upvotedByMe: true });
    // Neither the version, by which it is edited, nor the history tells of votes.
    expect(await stored(id)).toEqual({ upvotes: 1, votes: 1, version: 1, changes: 1 });
  });

  test("are not given to oneself, nor by parents, nor to what is not there", async () => {
    const { id: lesson } = await it.published(teacher.token);
    const { id } = await written(pupil.token, lesson, "Text");
    const parent = await it.member(school, "parent");
    expect(outcome(await upvote(pupil.token, id))).toEqual([403, "own_comment"]);
    expect(outcome(await withdraw(pupil.token, id))).toEqual([403, "own_comment"]);
    expect(outcome(await upvote(parent.token, id))).toEqual([403, "forbidden"]);
    expect(outcome(await upvote(other.token, id))).toEqual([404, "not_found"]);
    expect(outcome(await upvote(pupil.token, Bun.randomUUIDv7()))).toEqual([404, "not_found"]);
    expect(outcome(await upvote(pupil.token, lesson))).toEqual([404, "not_found"]);
    expect(await stored(id)).toEqual({ upvotes: 0, votes: 0, version: 1, changes: 1 });
  });

  test("of a hundred people at once are a hundred", async () => {
    const { id: lesson } = await it.published(teacher.token);
    const { id } = await written(pupil.token, lesson, "Text");
    const answers = await Promise.all(crowd.map((token) => upvote(token, id)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(await stored(id)).toMatchObject({ upvotes: 100, votes: 100, version: 1 });
    expect((await read(pupil.token, id)).body.upvoteCount).toBe(100);
  });

  test("of one person a hundred times at once are one, and given and withdrawn at once are none or one", async () => {
    const { id: lesson } = await it.published(teacher.token);
    const { id } = await written(pupil.token, lesson, "Text");
    const [token = ""] = crowd;
    const answers = await Promise.all(crowd.map(() => upvote(token, id)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(await stored(id)).toMatchObject({ upvotes: 1, votes: 1 });
    await Promise.all(crowd.map((_, n) => (n % 2 === 0 ? withdraw : upvote)(token, id)));
    const { upvotes, votes } = (await stored(id)) ?? {};
    expect(upvotes).toBe(votes ?? -1);
  });

  test("by hand-written SQL, many in a statement, are counted as well", async () => {
    const { id: lesson } = await it.published(teacher.token);
    const { id } = await written(pupil.token, lesson, "Text");
    const sql = `insert into app.comment_upvote (organization_id, comment_id, user_id)
      select organization_id, $2, user_id from app.user where organization_id = $1 limit 30`;
    await as(school.id, sql, [school.id, id]);
    expect(await stored(id)).toMatchObject({ upvotes: 30, votes: 30 });
    expect((await refusedBy(as(school.id, sql, [school.id, id])))?.code).toBe("23505");
    await as(school.id, "delete from app.comment_upvote where organization_id = $1 and comment_id = $2", [
      school.id,
      id,
    ]);
    expect(await stored(id)).toMatchObject({ upvotes: 0, votes: 0 });
  });
});

describe("counts", () => {
  test("of fifty replies and fifty comments at once are exact, of the lesson and up the thread", async () => {
    const { id: lesson } = await it.published(teacher.token);
    const top = await written(pupil.token, lesson, "Top");
    const middle = await written(pupil.token, lesson, "Middle", top.id);
    const answers = await Promise.all(
      crowd.map((token, n) => write(token, lesson, `Number ${n}`, n % 2 === 0 ? middle.id : null)),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    expect(await counts(lesson)).toEqual([102]);
    expect((await read(pupil.token, middle.id)).body.replyCount).toBe(50);
    expect((await read(pupil.token, top.id)).body.replyCount).toBe(51);
    expect(ids(await replies(pupil.token, middle.id, "?limit=100"))).toHaveLength(50);
    expect(ids(await of(pupil.token, lesson, "?limit=100"))).toHaveLength(51);
  });

  test("are exact while comments are deleted, restored, hidden and shown at once", async () => {
    const { id: lesson } = await it.published(teacher.token);
    const top = await written(pupil.token, lesson, "Top");
    const below = await Promise.all(
      crowd.slice(0, 40).map((token) => written(token, lesson, "Below", top.id)),
    );
    // Ten are deleted, ten hidden, ten deleted and restored, ten hidden and shown; the top is deleted meanwhile.
    await Promise.all([
      remove(teacher.token, top.id),
      ...below.map(async ({ id }, n) => {
        if (n < 10) return remove(teacher.token, id);
        if (n < 20) return act(teacher.token, id, "reject");
        if (n < 30) await remove(teacher.token, id);
        else await act(teacher.token, id, "reject");
        return act(teacher.token, id, n < 30 ? "restore" : "approve");
      }),
    ]);
    expect(await counts(lesson)).toEqual([20]);
    expect((await of(crowd[99] ?? "", lesson)).body.items).toMatchObject([
      { id: top.id, body: null, replyCount: 20 },
    ]);
    expect(ids(await replies(crowd[99] ?? "", top.id, "?limit=100"))).toHaveLength(20);
    await act(teacher.token, top.id, "restore");
    expect(await counts(lesson)).toEqual([21]);
  });

  test("a parent that is deleted while it is answered is answered before, or not at all", async () => {
    for (let round = 0; round < 10; round++) {
      const { id: lesson } = await it.published(teacher.token);
      const top = await written(pupil.token, lesson, "Top");
      const [, ...answers] = await Promise.all([
        remove(pupil.token, top.id),
        ...crowd.slice(0, 5).map((token) => write(token, lesson, "Below", top.id)),
      ]);
      const made = answers.filter((answer) => answer?.status === 201).length;
      for (const answer of answers) {
        if (answer?.status !== 201)
          expect(answer && outcome(answer)).toEqual([422, "comment_parent_not_found"]);
      }
      expect(await counts(lesson)).toEqual([made]);
    }
  });

  test("of many lessons come at once, zeros included, and of another organization's nothing", async () => {
    const [one, two] = [await it.published(teacher.token), await it.published(teacher.token)];
    await written(pupil.token, one.id, "Text");
    const foreign = await it.published(other.token);
    await written(other.token, foreign.id, "Foreign");
    expect(await counts(one.id, two.id, foreign.id, Bun.randomUUIDv7())).toEqual([1, 0, 0, 0]);
  });

  test("a lesson that is deleted while it is commented on has no comment that it did not take along", async () => {
    for (let round = 0; round < 5; round++) {
      const { id: lesson } = await it.published(teacher.token);
      const [, ...answers] = await Promise.all([
        app.request("DELETE", `/v1/contents/${lesson}`, { token: teacher.token }),
        ...crowd.slice(0, 8).map((token) => write(token, lesson, "Text")),
      ]);
      const [left] = await admin<{ n: number }>(
        "select count(*)::int as n from app.comment where content_id = $1 and deletion_id is null",
        [lesson],
      );
      expect(left?.n).toBe(0);
      for (const answer of answers) expect([201, 404]).toContain(answer?.status ?? 0);
    }
  });
});
