/** Threads under lessons: who writes where, who sees what, and what is left of what is deleted. */
import { afterAll, describe, expect, test } from "bun:test";
import { countCommentsOfIn } from "../../src/comments/comments.ts";
import { withTenant } from "../../src/db.ts";
import { domain, refusedBy } from "../support/domain.ts";
import { type Comment, commenting, ids, outcome } from "./support.ts";

const app = await domain();
const { it, request, as } = app;
const { admin, db } = app.database;
const { write, written, read, edit, remove, act, of, replies, upvote } = commenting(app);
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [teacher, colleague, pupil, classmate, parent] = [
  await it.member(school, "teacher"),
  await it.member(school, "teacher"),
  await it.member(school, "student"),
  await it.member(school, "student"),
  await it.member(school, "parent"),
];
const lesson = () => it.published(teacher.token);
const count = async (contentId: string) =>
  (
    await withTenant(
      db,
      { organizationId: school.id, userId: null },
      (tx) => countCommentsOfIn(tx, school.id, [contentId]),
      { readOnly: true },
    )
  ).get(contentId);
const RANDOM = Bun.randomUUIDv7();

describe("writing", () => {
  test("a comment stands under its lesson as it was written, for everybody who sees the lesson [row 34] [row 58]", async () => {
    const { id } = await lesson();
    const body =
      "Why does **it** end?\r\n\n\tשלום \u{1F469}\u200D\u{1F52C} <script>alert(1)</script> &amp; `x`";
    const made = await write(pupil.token, id, body);
    expect(made.status).toBe(201);
    expect(made.headers.get("etag")).toBe('"1"');
    expect(made.body).toMatchObject({
      contentId: id,
      parentId: null,
      state: "approved",
      body,
      authorId: pupil.user.id,
      upvoteCount: 0,
      upvotedByMe: false,
      replyCount: 0,
      flagCount: null,
      version: 1,
      editedAt: null,
    });
    for (const { token } of [pupil, classmate, teacher, colleague, parent, school]) {
      expect((await of(token, id)).body.items.map((item) => item.body)).toEqual([body]);
      expect((await read(token, made.body.id)).body.body).toBe(body);
    }
    // Staff are told of flags, others not.
    expect((await read(teacher.token, made.body.id)).body.flagCount).toBe(0);
  });

  test("students and staff write, parents read [row 34]", async () => {
    const { id } = await lesson();
    for (const { token } of [pupil, teacher, colleague, school]) {
      expect((await write(token, id, "Here")).status).toBe(201);
    }
    expect(outcome(await write(parent.token, id, "Here"))).toEqual([403, "forbidden"]);
    expect((await of(parent.token, id)).body.items).toHaveLength(4);
  });

  test("a draft has comments by staff alone, and for others none of it exists until it is published", async () => {
    const draft = await it.content(teacher.token);
    const note = await written(teacher.token, draft.id, "A note to the colleague");
    expect(outcome(await write(pupil.token, draft.id, "Hello"))).toEqual([404, "not_found"]);
    expect(outcome(await of(pupil.token, draft.id))).toEqual([404, "not_found"]);
    expect(outcome(await read(pupil.token, note.id))).toEqual([404, "not_found"]);
    expect(outcome(await upvote(pupil.token, note.id))).toEqual([404, "not_found"]);
    expect((await read(colleague.token, note.id)).status).toBe(200);
    await it.publish(school.token, draft.id);
    expect((await read(pupil.token, note.id)).status).toBe(200);
  });

  test.each([
    ["is empty", ""],
    ["is blank", " \n\t"],
    ["is too long", "x".repeat(10_001)],
    ["holds U+0000", "a\0b"],
    ["holds half a character", "\ud800"],
    ["is null", null],
    ["is a number", 7],
  ])("a text that %s is refused [row 38]", async (_, body) => {
    const { id } = await lesson();
    const answer = await request("POST", `/v1/contents/${id}/comments`, {
      token: pupil.token,
      body: { body },
    });
    expect([400, 422]).toContain(answer.status);
    expect((await of(pupil.token, id)).body.items).toEqual([]);
  });

  test("ten thousand characters are taken, whatever they are [row 38]", async () => {
    const { id } = await lesson();
    expect((await write(pupil.token, id, "\u{1F469}".repeat(5_000))).status).toBe(201);
    expect((await write(pupil.token, id, "x".repeat(10_000))).status).toBe(201);
  });

  test("the same request with one Idempotency-Key writes one comment [row 108]", async () => {
    const { id } = await lesson();
    const headers = { "idempotency-key": crypto.randomUUID() };
    const send = () =>
      request<Comment>("POST", `/v1/contents/${id}/comments`, {
        token: pupil.token,
        headers,
        body: { body: "Once" },
      });
    const answers = await Promise.all([send(), send(), send()]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(await count(id)).toBe(1);
  });
});

describe("threads [row 34]", () => {
  test("an answer stands under what it answers, five levels deep and no deeper", async () => {
    const { id } = await lesson();
    let above = await written(pupil.token, id, "1");
    const top = above;
    for (let level = 2; level <= 5; level++) {
      const next: Comment = await written(classmate.token, id, String(level), above.id);
      expect(next.parentId).toBe(above.id);
      expect(ids(await replies(pupil.token, above.id))).toEqual([next.id]);
      above = next;
    }
    expect(outcome(await write(pupil.token, id, "6", above.id))).toEqual([409, "comment_too_deep"]);
    expect(ids(await of(pupil.token, id))).toEqual([top.id]);
    expect((await read(pupil.token, top.id)).body.replyCount).toBe(4);
    expect(await count(id)).toBe(5);
  });

  test("a parent of another lesson, another organization, deleted, waiting, rejected or made up is the same: none", async () => {
    const [here, there] = [await lesson(), await lesson()];
    const foreignTeacher = await it.member(other, "teacher");
    const foreignLesson = await it.published(foreignTeacher.token);
    const foreign = await written(foreignTeacher.token, foreignLesson.id, "Foreign");
    const elsewhere = await written(pupil.token, there.id, "Elsewhere");
    const gone = await written(pupil.token, here.id, "Gone");
    await remove(pupil.token, gone.id);
    const rejected = await written(pupil.token, here.id, "Rejected");
    await act(teacher.token, rejected.id, "reject");
    const answerTo = async (parentId: string) => {
      const { status, body } = await write(classmate.token, here.id, "Answer", parentId);
      return { status, body: { ...body, instance: null } };
    };
    const random = await answerTo(RANDOM);
    expect(random).toMatchObject({
      status: 422,
      body: { type: "urn:satchel:problem:comment_parent_not_found", errors: [{ pointer: "#/parentId" }] },
    });
    for (const { id } of [elsewhere, foreign, gone, rejected, foreignLesson, here]) {
      expect(await answerTo(id)).toEqual(random);
    }
    expect(await count(here.id)).toBe(0);
  });

  test("the database itself takes no parent from another lesson, and says where each stands [row 45]", async () => {
    const [here, there] = [await lesson(), await lesson()];
    const { id: elsewhere } = await written(pupil.token, there.id, "Elsewhere");
    const insert = (contentId: string, parentId: string | null) =>
      as(
        school.id,
        `insert into app.comment (organization_id, content_id, parent_id, author_id, body, state)
         values ($1, $2, $3, $4, 'By hand', 'approved')`,
        [school.id, contentId, parentId, pupil.user.id],
      );
    expect(await refusedBy(insert(here.id, elsewhere))).toEqual({
      code: "23503",
      constraint: "comment_parent_fkey",
    });
    let above: string | null = null;
    for (let level = 1; level <= 5; level++) {
      await insert(here.id, above);
      const [row] = await admin<{ id: string; depth: number }>(
        "select comment_id as id, octet_length(path) / 16 as depth from app.comment where content_id = $1 order by path desc limit 1",
        [here.id],
      );
      expect(row?.depth).toBe(level);
      above = row?.id ?? null;
    }
    expect(await refusedBy(insert(here.id, above))).toEqual({ code: "23514", constraint: "comment_depth" });
    for (const column of ["content_id", "parent_id", "author_id", "path", "version", "created_at"]) {
      const moved = as(school.id, `update app.comment set ${column} = ${column} where organization_id = $1`, [
        school.id,
      ]);
      expect((await refusedBy(moved))?.code).toBe("42501");
    }
  });

  test("a deleted comment keeps its place above its replies, without text and author, and comes back whole [row 62]", async () => {
    const { id } = await lesson();
    const top = await written(pupil.token, id, "Top");
    const middle = await written(classmate.token, id, "Middle", top.id);
    const bottom = await written(pupil.token, id, "Bottom", middle.id);
    await upvote(classmate.token, top.id);
    const before = (await read(parent.token, top.id)).body;
    expect((await remove(pupil.token, top.id, { "if-match": '"1"' })).status).toBe(204);
    expect((await remove(classmate.token, middle.id)).status).toBe(204);
    for (const { token } of [classmate, parent, teacher]) {
      const { body } = await of(token, id);
      expect(body.items).toMatchObject([
        {
          id: top.id,
          state: "deleted",
          body: null,
          authorId: null,
          upvoteCount: 0,
          editedAt: null,
          replyCount: 1,
        },
      ]);
      expect((await replies(token, top.id)).body.items).toMatchObject([
        { id: middle.id, state: "deleted", body: null },
      ]);
      expect((await replies(token, middle.id)).body.items).toMatchObject([{ id: bottom.id, body: "Bottom" }]);
    }
    expect((await of(classmate.token, id, "?include=author,replies")).body.items).toMatchObject([
      { author: null, replies: [{ id: middle.id, body: null, author: null }] },
    ]);
    expect(await count(id)).toBe(1);
    // What it says is for staff and its author still.
    expect((await read(parent.token, top.id)).body.body).toBeNull();
    expect((await read(pupil.token, top.id)).body).toMatchObject({ state: "deleted", body: "Top" });
    expect((await read(teacher.token, top.id)).body).toMatchObject({ state: "deleted", body: "Top" });
    // A place can be neither edited, deleted, flagged nor agreed with.
    expect(outcome(await edit(pupil.token, top.id, "Again"))).toEqual([404, "not_found"]);
    expect(outcome(await remove(pupil.token, top.id))).toEqual([404, "not_found"]);
    expect(outcome(await upvote(classmate.token, top.id))).toEqual([404, "not_found"]);

    expect((await act(pupil.token, top.id, "restore")).body).toMatchObject({
      state: "approved",
      body: "Top",
    });
    const after = (await read(parent.token, top.id)).body;
    expect(after).toEqual({ ...before, version: before.version + 2, replyCount: 1 });
    expect((await replies(parent.token, top.id)).body.items).toMatchObject([
      { id: middle.id, state: "deleted" },
    ]);
    expect(await count(id)).toBe(2);
  });

  test("of what has nothing visible below it not even the place is left [row 55]", async () => {
    const { id } = await lesson();
    const top = await written(pupil.token, id, "Top");
    const answer = await written(classmate.token, id, "Answer", top.id);
    await remove(pupil.token, top.id);
    await remove(classmate.token, answer.id);
    for (const { token } of [pupil, classmate, parent, teacher]) expect(ids(await of(token, id))).toEqual([]);
    expect(outcome(await read(parent.token, top.id))).toEqual([404, "not_found"]);
    expect(outcome(await read(classmate.token, top.id))).toEqual([404, "not_found"]);
    expect(outcome(await replies(parent.token, top.id))).toEqual([404, "not_found"]);
    expect(await count(id)).toBe(0);
    await act(classmate.token, answer.id, "restore");
    expect((await of(parent.token, id)).body.items).toMatchObject([
      { id: top.id, body: null, replyCount: 1 },
    ]);
  });
});

describe("editing", () => {
  test("is the author's alone, in the version they have read [row 60] [row 108]", async () => {
    const { id } = await lesson();
    const made = await written(pupil.token, id, "First");
    expect(outcome(await edit(pupil.token, made.id, "x", {}))).toEqual([428, "precondition_required"]);
    expect(outcome(await edit(pupil.token, made.id, "x", { "if-match": '"2"' }))).toEqual([412, "stale"]);
    for (const { token } of [classmate, teacher, school]) {
      expect(outcome(await edit(token, made.id, "Put into their mouth"))).toEqual([403, "forbidden"]);
    }
    const edited = await edit(pupil.token, made.id, "Second", { "if-match": '"1"' });
    expect(edited.body).toMatchObject({ body: "Second", version: 2, state: "approved" });
    expect(edited.body.editedAt).not.toBeNull();
    // The same again is nothing new.
    expect((await edit(pupil.token, made.id, "Second", { "if-match": '"2"' })).body).toEqual(edited.body);
    expect((await read(parent.token, made.id)).body.body).toBe("Second");
  });

  test("of fifty edits of one version one is taken [row 108]", async () => {
    const { id } = await lesson();
    const made = await written(pupil.token, id, "First");
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => edit(pupil.token, made.id, `Edit ${n}`, { "if-match": '"1"' })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(49);
  });

  test("what was written before is readable for staff and the author, also once it is deleted [row 9]", async () => {
    const { id } = await lesson();
    const made = await written(pupil.token, id, "First");
    await edit(pupil.token, made.id, "Second");
    await remove(pupil.token, made.id);
    type Change = { version: number; action: string; actorId: string; before: Comment; after: Comment };
    const history = (token: string) =>
      request<{ items: readonly Change[]; type?: string }>("GET", `/v1/comments/${made.id}/history`, {
        token,
      });
    for (const { token } of [pupil, teacher, colleague, school]) {
      const { body } = await history(token);
      expect(body.items.map(({ version }) => version)).toEqual([3, 2, 1]);
      expect(body.items[1]).toMatchObject({
        action: "update",
        actorId: pupil.user.id,
        before: { body: "First" },
        after: { body: "Second" },
      });
      expect(body.items[2]).toMatchObject({ action: "insert", before: null, after: { body: "First" } });
      for (const change of body.items) expect(Object.keys(change.after)).not.toContain("path");
    }
    expect(outcome(await history(classmate.token))).toEqual([404, "not_found"]);
    const live = await written(pupil.token, id, "Live");
    const asked = (token: string) => request<Comment>("GET", `/v1/comments/${live.id}/history`, { token });
    expect(outcome(await asked(classmate.token))).toEqual([403, "forbidden"]);
    expect(outcome(await asked(parent.token))).toEqual([403, "forbidden"]);
    expect(outcome(await asked(other.token))).toEqual([404, "not_found"]);
  });
});

describe("deleting and restoring", () => {
  test("is for authors, for teachers on their lessons, for admins everywhere [row 61]", async () => {
    const { id } = await lesson();
    const fresh = async () => (await written(pupil.token, id, "Text")).id;
    for (const { token } of [classmate, colleague]) {
      const one = await fresh();
      expect(outcome(await remove(token, one))).toEqual([403, "forbidden"]);
      expect((await read(parent.token, one)).body.body).toBe("Text");
    }
    expect(outcome(await remove(parent.token, await fresh()))).toEqual([403, "forbidden"]);
    expect(outcome(await remove(other.token, await fresh()))).toEqual([404, "not_found"]);
    for (const { token } of [pupil, teacher, school]) {
      const one = await fresh();
      expect(outcome(await remove(token, one, { "if-match": '"9"' }))).toEqual([412, "stale"]);
      expect((await remove(token, one)).status).toBe(204);
      expect(outcome(await remove(token, one))).toEqual([404, "not_found"]);
      expect(outcome(await read(parent.token, one))).toEqual([404, "not_found"]);
    }
  });

  test("authors bring back what they have deleted, and not what a moderator has [row 62]", async () => {
    const { id } = await lesson();
    const [own, moderated] = [
      await written(pupil.token, id, "Own"),
      await written(pupil.token, id, "Moderated"),
    ];
    await remove(pupil.token, own.id);
    await remove(teacher.token, moderated.id);
    expect(outcome(await act(classmate.token, own.id, "restore"))).toEqual([404, "not_found"]);
    expect(outcome(await act(colleague.token, own.id, "restore"))).toEqual([403, "forbidden"]);
    expect(outcome(await act(other.token, own.id, "restore"))).toEqual([404, "not_found"]);
    expect((await act(pupil.token, own.id, "restore")).status).toBe(200);
    expect(outcome(await act(pupil.token, own.id, "restore"))).toEqual([409, "comment_not_deleted"]);
    expect(outcome(await act(pupil.token, moderated.id, "restore"))).toEqual([403, "forbidden"]);
    expect((await act(school.token, moderated.id, "restore")).body).toMatchObject({ body: "Moderated" });
    expect(await count(id)).toBe(2);
  });

  test("what a moderator does to another's comment is in the audit, what authors do to theirs is not [row 113]", async () => {
    const { id } = await lesson();
    const made = await written(pupil.token, id, "Text");
    await remove(teacher.token, made.id);
    await act(teacher.token, made.id, "restore");
    await remove(pupil.token, made.id);
    type Event = {
      action: string;
      actorId: string;
      subjectIds: string[];
      targetType: string;
      targetId: string;
    };
    const { body } = await request<{ items: readonly Event[] }>("GET", "/v1/audit-events?limit=100", {
      token: school.token,
    });
    expect(body.items.filter(({ targetId }) => targetId === made.id)).toMatchObject([
      {
        action: "comment.restored",
        actorId: teacher.user.id,
        subjectIds: [pupil.user.id],
        targetType: "comment",
      },
      {
        action: "comment.deleted",
        actorId: teacher.user.id,
        subjectIds: [pupil.user.id],
        targetType: "comment",
      },
    ]);
  });

  test("comments go with their lesson, and come back with it exactly as many as it took [row 62]", async () => {
    const { id } = await lesson();
    const neighbour = await lesson();
    const beside = await written(pupil.token, neighbour.id, "Beside");
    const top = await written(pupil.token, id, "Top");
    const answer = await written(classmate.token, id, "Answer", top.id);
    const before = await written(pupil.token, id, "Deleted before");
    await remove(pupil.token, before.id);
    const hidden = await written(pupil.token, id, "Hidden before");
    await act(teacher.token, hidden.id, "reject");
    await upvote(classmate.token, top.id);
    const mine = async () =>
      (
        await request<{ items: readonly Comment[] }>("GET", "/v1/me/comments?limit=100", {
          token: pupil.token,
        })
      ).body.items
        .filter(({ contentId }) => contentId === id)
        .map((item) => item.id);
    expect(await mine()).toEqual([hidden.id, top.id]);

    expect((await request("DELETE", `/v1/contents/${id}`, { token: teacher.token })).status).toBe(204);
    for (const one of [top, answer, before, hidden]) {
      expect(outcome(await read(school.token, one.id))).toEqual([404, "not_found"]);
      expect(outcome(await act(school.token, one.id, "restore"))).toEqual([404, "not_found"]);
    }
    expect(await count(id)).toBe(0);
    expect(await mine()).toEqual([]);
    expect((await read(pupil.token, beside.id)).body.body).toBe("Beside");

    expect((await request("POST", `/v1/contents/${id}/restore`, { token: teacher.token })).status).toBe(200);
    await request("POST", `/v1/contents/${id}/publish`, { token: school.token });
    expect((await of(parent.token, id, "?include=replies")).body.items).toMatchObject([
      { id: top.id, body: "Top", upvoteCount: 1, replies: [{ id: answer.id, body: "Answer" }] },
    ]);
    expect(await mine()).toEqual([hidden.id, top.id]);
    expect((await read(school.token, before.id)).body.state).toBe("deleted");
    expect((await read(school.token, hidden.id)).body.state).toBe("rejected");
    expect(await count(id)).toBe(2);
  });
});

describe("authors", () => {
  test("come along with name and picture alone, when asked for [row 67]", async () => {
    const { id } = await lesson();
    const drawn = await it.user(school, "student", {
      avatarUrl: "https://example.org/a.png",
      fullName: "Ada L",
    });
    const token = await it.session(school, drawn);
    await written(token, id, "Hello");
    const [plain] = (await of(pupil.token, id)).body.items;
    expect(Object.keys(plain ?? {})).not.toContain("author");
    expect((await of(pupil.token, id, "?include=author")).body.items).toMatchObject([
      { author: { id: drawn.id, fullName: "Ada L", avatarUrl: "https://example.org/a.png" } },
    ]);
    expect(Object.keys((await of(pupil.token, id, "?include=author")).body.items[0]?.author ?? {})).toEqual([
      "id",
      "fullName",
      "avatarUrl",
    ]);
  });

  test("are named no longer once they are deleted; what they wrote stays", async () => {
    const { id } = await lesson();
    const leaver = await it.member(school);
    const made = await written(leaver.token, id, "I was here");
    await request("DELETE", `/v1/users/${leaver.user.id}`, { token: school.token });
    const { body } = await read(pupil.token, made.id, "?include=author");
    expect(body).toMatchObject({ body: "I was here", author: null });
    expect(JSON.stringify(body)).not.toContain("A student");
  });
});

test("a text comes as HTML that is safe in any page when asked for, and is stored as written", async () => {
  const { id } = await lesson();
  const top = await written(
    pupil.token,
    id,
    "**Bold** <img src=x onerror=alert(1)> [x](javascript:alert(1))",
  );
  await written(classmate.token, id, "*Answer*", top.id);
  const [item] = (await of(pupil.token, id, "?render=html&include=replies")).body.items;
  expect(item?.html).toContain("<strong>Bold</strong>");
  expect(item?.html).not.toMatch(/<img|javascript:[^<]*"/);
  expect(item?.replies?.[0]?.html).toContain("<em>Answer</em>");
  expect((await read(pupil.token, top.id, "?render=html")).body.html).toBe(item?.html ?? "");
  expect((await read(pupil.token, top.id)).body).not.toHaveProperty("html");
  expect((await of(pupil.token, id, "?render=xml")).status).toBe(422);
});
