/** What should not stand under a lesson: who says so, who decides, and who sees what meanwhile. */
import { afterAll, describe, expect, test } from "bun:test";
import { countCommentsOfIn } from "../../src/comments/comments.ts";
import { withTenant } from "../../src/db.ts";
import { domain } from "../support/domain.ts";
import type { GivenOrganization } from "../support/given.ts";
import { type Comment, commenting, ids, outcome, type Page } from "./support.ts";

const app = await domain();
const { it, request } = app;
const { db } = app.database;
const { write, written, read, edit, remove, act, of, replies, upvote, flag, queue } = commenting(app);
afterAll(app.close);

/** An organization with two teachers, two pupils, a parent and a lesson of the first teacher's. */
async function cast(needApproval: boolean) {
  const school = await it.organization();
  if (needApproval) await settle(school, true);
  const [teacher, colleague, pupil, classmate, parent] = [
    await it.member(school, "teacher"),
    await it.member(school, "teacher"),
    await it.member(school, "student"),
    await it.member(school, "student"),
    await it.member(school, "parent"),
  ];
  return { school, teacher, colleague, pupil, classmate, parent, lesson: await it.published(teacher.token) };
}
const settle = ({ token }: GivenOrganization, commentsNeedApproval: boolean) =>
  request("PATCH", "/v1/organization", {
    token,
    headers: { "if-match": "*" },
    body: { settings: { commentsNeedApproval } },
  });
const count = async (organizationId: string, contentId: string) =>
  (
    await withTenant(
      db,
      { organizationId, userId: null },
      (tx) => countCommentsOfIn(tx, organizationId, [contentId]),
      { readOnly: true },
    )
  ).get(contentId);

describe("where what students write needs approval [row 34]", async () => {
  const { school, teacher, colleague, pupil, classmate, parent, lesson } = await cast(true);

  test("it waits, for staff and its author to see and nobody else, until it is approved", async () => {
    const made = await written(pupil.token, lesson.id, "May I?");
    expect(made.state).toBe("waiting");
    for (const { token } of [classmate, parent]) {
      expect(ids(await of(token, lesson.id))).toEqual([]);
      expect(outcome(await read(token, made.id))).toEqual([404, "not_found"]);
      expect(outcome(await flag(token, made.id))).toEqual([404, "not_found"]);
    }
    expect(outcome(await upvote(classmate.token, made.id))).toEqual([404, "not_found"]);
    expect(outcome(await write(classmate.token, lesson.id, "Yes", made.id))).toEqual([
      422,
      "comment_parent_not_found",
    ]);
    for (const { token } of [pupil, teacher, colleague, school]) {
      expect((await of(token, lesson.id)).body.items).toMatchObject([
        { id: made.id, body: "May I?", state: "waiting" },
      ]);
    }
    expect(await count(school.id, lesson.id)).toBe(0);
    expect(ids(await queue(teacher.token, "waiting"))).toEqual([made.id]);
    const answer = await act(teacher.token, made.id, "approve", { "if-match": `"${made.version}"` });
    expect(answer.body).toMatchObject({ state: "approved", version: made.version + 1 });
    expect(ids(await queue(teacher.token, "waiting"))).toEqual([]);
    for (const { token } of [classmate, parent]) expect(ids(await of(token, lesson.id))).toEqual([made.id]);
    expect(await count(school.id, lesson.id)).toBe(1);
    await remove(pupil.token, made.id);
  });

  test("what staff write does not wait", async () => {
    const made = await written(colleague.token, lesson.id, "A hint");
    expect(made.state).toBe("approved");
    await remove(colleague.token, made.id);
  });

  test("another text waits again, its replies stand meanwhile under its place, and counts follow", async () => {
    const { id } = await it.published(teacher.token);
    const made = await written(pupil.token, id, "Harmless");
    await act(teacher.token, made.id, "approve");
    const reply = await written(teacher.token, id, "Indeed", made.id);
    expect((await edit(pupil.token, made.id, "Harmful")).body).toMatchObject({
      state: "waiting",
      body: "Harmful",
    });
    expect((await of(classmate.token, id)).body.items).toMatchObject([
      { id: made.id, state: "waiting", body: null, authorId: null, replyCount: 1 },
    ]);
    expect(ids(await replies(classmate.token, made.id))).toEqual([reply.id]);
    expect(await count(school.id, id)).toBe(1);
    await act(school.token, made.id, "approve");
    expect((await read(classmate.token, made.id)).body).toMatchObject({ body: "Harmful", replyCount: 1 });
    expect(await count(school.id, id)).toBe(2);
  });

  test("what is approved is the text that was read", async () => {
    const { id } = await it.published(teacher.token);
    const made = await written(pupil.token, id, "Harmless");
    expect(outcome(await act(teacher.token, made.id, "approve", {}))).toEqual([428, "precondition_required"]);
    await edit(pupil.token, made.id, "Harmful");
    expect(outcome(await act(teacher.token, made.id, "approve", { "if-match": '"1"' }))).toEqual([
      412,
      "stale",
    ]);
    expect((await read(teacher.token, made.id)).body).toMatchObject({ state: "waiting", body: "Harmful" });
  });

  test("a reply that waits counts nowhere, and everywhere once it is approved", async () => {
    const { id } = await it.published(teacher.token);
    const top = await written(teacher.token, id, "What do you think?");
    const reply = await written(pupil.token, id, "Much", top.id);
    const seen = async (token: string) => [
      (await read(token, top.id)).body.replyCount,
      ids(await replies(token, top.id)).length,
      (await of(token, id, "?include=replies")).body.items[0]?.replies?.length,
      await count(school.id, id),
    ];
    expect(await seen(classmate.token)).toEqual([0, 0, 0, 1]);
    expect(await seen(pupil.token)).toEqual([0, 1, 1, 1]);
    expect(await seen(colleague.token)).toEqual([0, 1, 1, 1]);
    await act(teacher.token, reply.id, "approve");
    for (const { token } of [classmate, pupil, colleague]) expect(await seen(token)).toEqual([1, 1, 1, 2]);
    await act(teacher.token, reply.id, "reject");
    expect(await seen(classmate.token)).toEqual([0, 0, 0, 1]);
  });

  test("it no longer waits once the organization has settled it otherwise; what waits still does", async () => {
    const elsewhere = await cast(true);
    const before = await written(elsewhere.pupil.token, elsewhere.lesson.id, "Before");
    await settle(elsewhere.school, false);
    expect((await written(elsewhere.pupil.token, elsewhere.lesson.id, "After")).state).toBe("approved");
    expect((await read(elsewhere.pupil.token, before.id)).body.state).toBe("waiting");
    expect((await edit(elsewhere.pupil.token, before.id, "Edited")).body.state).toBe("waiting");
  });
});

describe("moderators", async () => {
  const { school, teacher, colleague, pupil, classmate, parent, lesson } = await cast(false);
  const other = await it.organization();

  test("are the teachers of the lesson and the admins [row 34]", async () => {
    for (const action of ["approve", "reject"]) {
      const made = await written(pupil.token, lesson.id, "Text");
      expect(outcome(await act(pupil.token, made.id, action))).toEqual([403, "forbidden"]);
      expect(outcome(await act(parent.token, made.id, action))).toEqual([403, "forbidden"]);
      expect(outcome(await act(colleague.token, made.id, action))).toEqual([403, "forbidden"]);
      expect(outcome(await act(other.token, made.id, action))).toEqual([404, "not_found"]);
      expect(outcome(await act(teacher.token, made.id, action))).toEqual([200, null]);
      expect(outcome(await act(school.token, made.id, action))).toEqual([200, null]);
      await remove(pupil.token, made.id);
      expect(outcome(await act(school.token, made.id, action))).toEqual([404, "not_found"]);
    }
  });

  test("hide a comment from everybody but staff and its author, who is told, and show it again", async () => {
    const { id } = await it.published(teacher.token);
    const made = await written(pupil.token, id, "Rude");
    expect((await act(teacher.token, made.id, "reject", { "if-match": '"1"' })).body).toMatchObject({
      state: "rejected",
    });
    for (const { token } of [classmate, parent]) expect(ids(await of(token, id))).toEqual([]);
    for (const { token } of [pupil, teacher, colleague]) {
      expect((await of(token, id)).body.items).toMatchObject([{ state: "rejected", body: "Rude" }]);
    }
    expect(ids(await queue(teacher.token, "rejected"))).toContain(made.id);
    // Only a moderator brings it back, not another text.
    expect((await edit(pupil.token, made.id, "Less rude")).body.state).toBe("waiting");
    expect(ids(await queue(teacher.token, "waiting"))).toContain(made.id);
    await act(teacher.token, made.id, "approve");
    expect((await of(parent.token, id)).body.items).toMatchObject([{ state: "approved", body: "Less rude" }]);
  });

  test("find what waits, was flagged, rejected or deleted: teachers on their lessons, admins everywhere [row 64]", async () => {
    const { school, teacher, colleague, pupil, classmate, lesson } = await cast(false);
    const theirs = await it.published(colleague.token);
    const made: Record<string, readonly string[]> = {};
    for (const [state, bring] of [
      ["waiting", (id: string) => act(school.token, id, "reject").then(() => edit(pupil.token, id, "Again"))],
      ["flagged", (id: string) => flag(classmate.token, id)],
      ["rejected", (id: string) => act(school.token, id, "reject")],
      ["deleted", (id: string) => remove(pupil.token, id)],
    ] as const) {
      const both = [
        await written(pupil.token, lesson.id, state),
        await written(pupil.token, theirs.id, state),
      ];
      for (const { id } of both) await bring(id);
      made[state] = both.map(({ id }) => id);
    }
    // It went with its lesson: nobody has to look at it.
    const gone = await it.published(teacher.token);
    const below = await written(pupil.token, gone.id, "Below");
    await flag(classmate.token, below.id);
    await request("DELETE", `/v1/contents/${gone.id}`, { token: teacher.token });
    for (const [state, [own = "", another = ""]] of Object.entries(made)) {
      expect(ids(await queue(teacher.token, state))).toEqual([own]);
      expect(ids(await queue(colleague.token, state))).toEqual([another]);
      expect(ids(await queue(school.token, state))).toEqual([own, another]);
      expect(outcome(await queue(pupil.token, state))).toEqual([403, "forbidden"]);
      expect(ids(await queue(other.token, state))).toEqual([]);
      const first = await queue(school.token, state, "&limit=1&include=author");
      expect(first.body.items[0]?.author?.id).toBe(pupil.user.id);
      expect(first.body.items[0]?.body).not.toBeNull();
      expect(ids(await queue(school.token, state, `&limit=1&cursor=${first.body.nextCursor}`))).toEqual([
        another,
      ]);
    }
    expect((await request("GET", "/v1/comments", { token: school.token })).status).toBe(422);
    expect((await queue(school.token, "approved")).status).toBe(422);
  });

  test("leave what they did to others' comments in the audit, and nothing where nothing was new [row 113]", async () => {
    const made = await written(pupil.token, lesson.id, "Text");
    await flag(classmate.token, made.id);
    await flag(parent.token, made.id);
    await act(teacher.token, made.id, "reject");
    await act(teacher.token, made.id, "reject");
    await act(teacher.token, made.id, "approve");
    await act(teacher.token, made.id, "approve");
    type Event = {
      action: string;
      actorId: string;
      targetId: string;
      subjectIds: string[];
      details: unknown;
    };
    const { body } = await request<{ items: readonly Event[] }>("GET", "/v1/audit-events?limit=100", {
      token: school.token,
    });
    const common = { actorId: teacher.user.id, subjectIds: [pupil.user.id] };
    expect(body.items.filter(({ targetId }) => targetId === made.id)).toMatchObject([
      { ...common, action: "comment.approved", details: { stateBefore: "rejected", flags: 0 } },
      { ...common, action: "comment.rejected", details: { stateBefore: "approved", flags: 2 } },
    ]);
  });
});

describe("flags [row 34]", async () => {
  const { school, teacher, colleague, pupil, classmate, parent, lesson } = await cast(false);
  const other = await it.organization();
  const flagsOf = (token: string, id: string, query = "") =>
    request<Page<Record<string, unknown>> & { type?: string }>("GET", `/v1/comments/${id}/flags${query}`, {
      token,
    });

  test("are one a person, told to staff alone, and move neither the version nor the history", async () => {
    const made = await written(pupil.token, lesson.id, "Text");
    expect(outcome(await flag(pupil.token, made.id))).toEqual([403, "own_comment"]);
    expect(outcome(await flag(other.token, made.id))).toEqual([404, "not_found"]);
    const first = await flag(classmate.token, made.id, "spam");
    expect([first.status, first.body]).toMatchObject([
      201,
      { userId: classmate.user.id, reason: "spam", resolution: null },
    ]);
    expect(outcome(await flag(classmate.token, made.id))).toEqual([409, "comment_already_flagged"]);
    expect((await flag(parent.token, made.id, "personal_data")).status).toBe(201);
    expect((await flag(classmate.token, made.id, "rude")).status).toBe(422);
    expect((await read(teacher.token, made.id)).body).toMatchObject({ flagCount: 2, version: made.version });
    expect((await read(pupil.token, made.id)).body).toEqual({ ...made, flagCount: null });
    expect((await flagsOf(teacher.token, made.id)).body.items).toHaveLength(2);
    const page = await flagsOf(school.token, made.id, "?limit=1");
    const next = await flagsOf(school.token, made.id, `?limit=1&cursor=${page.body.nextCursor}`);
    expect([...page.body.items, ...next.body.items].map(({ userId }) => userId)).toEqual(
      [classmate.user.id, parent.user.id].sort(),
    );
    expect(outcome(await flagsOf(colleague.token, made.id))).toEqual([403, "forbidden"]);
    expect(outcome(await flagsOf(classmate.token, made.id))).toEqual([403, "forbidden"]);
    expect(outcome(await flagsOf(other.token, made.id))).toEqual([404, "not_found"]);
  });

  test("are closed by a moderator; the same person raises one again only against another text", async () => {
    const made = await written(pupil.token, lesson.id, "Text");
    await flag(classmate.token, made.id);
    await act(teacher.token, made.id, "approve");
    expect(ids(await queue(teacher.token, "flagged"))).not.toContain(made.id);
    expect((await flagsOf(teacher.token, made.id)).body.items).toMatchObject([
      { resolution: "dismissed", resolvedById: teacher.user.id },
    ]);
    expect(outcome(await flag(classmate.token, made.id))).toEqual([409, "comment_already_flagged"]);
    await edit(pupil.token, made.id, "Worse");
    expect((await flag(classmate.token, made.id, "abuse")).body).toMatchObject({
      resolvedAt: null,
      resolution: null,
    });
    expect(ids(await queue(teacher.token, "flagged"))).toContain(made.id);
    await act(teacher.token, made.id, "reject");
    expect((await flagsOf(teacher.token, made.id)).body.items).toMatchObject([
      { reason: "abuse", resolution: "upheld" },
    ]);
  });

  test("of one person fifty times at once are one", async () => {
    const made: Comment = await written(pupil.token, lesson.id, "Text");
    const answers = await Promise.all(Array.from({ length: 50 }, () => flag(classmate.token, made.id)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(49);
    expect((await read(teacher.token, made.id)).body.flagCount).toBe(1);
  });
});
