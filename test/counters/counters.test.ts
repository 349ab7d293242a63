/** Who reads a lesson, who has completed it, and the numbers that come of it. */
import { afterAll, describe, expect, test } from "bun:test";
import { pruneViews } from "../../src/counters/counters.ts";
import { countView } from "../../src/counters/repository.ts";
import { withTenant } from "../../src/db.ts";
import { ratingsOf } from "../ratings/support.ts";
import { domain, refusedBy } from "../support/domain.ts";

const app = await domain();
const { it, as, request } = app;
const { admin, db } = app.database;
const { rate, statistics } = ratingsOf(app);
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [teacher, colleague, pupil, classmate] = [
  await it.member(school, "teacher"),
  await it.member(school, "teacher"),
  await it.member(school),
  await it.member(school),
];
const stranger = await it.member(other);
const lesson = () => it.published(teacher.token);
const theirs = await it.published(other.token);

interface Completion {
  readonly contentId: string;
  readonly userId: string;
  readonly completedAt: string;
}
interface Completions {
  readonly items: readonly Completion[];
  readonly nextCursor: string | null;
}
const view = (token: string, id: string) =>
  request<{ counted: boolean; type?: string }>("POST", `/v1/contents/${id}/views`, { token });
const complete = (token: string, id: string) =>
  request<Completion & { type?: string }>("POST", `/v1/contents/${id}/completion`, { token });
const undo = (token: string, id: string) => request("DELETE", `/v1/contents/${id}/completion`, { token });
const completions = (token: string, id: string, query = "") =>
  request<Completions>("GET", `/v1/contents/${id}/completions${query}`, { token });
const mine = (token: string, query = "") =>
  request<Completions>("GET", `/v1/me/completions${query}`, { token });
/** As if whoever read the lesson had done so an hour earlier. */
const anHourLater = (id: string) =>
  admin("update app.content_view set last_hour = last_hour - interval '1 hour' where content_id = $1", [id]);

describe("views", () => {
  test("count once per person and hour, and viewers once [row 32]", async () => {
    const { id } = await lesson();
    expect((await view(pupil.token, id)).body).toEqual({ counted: true });
    expect((await view(pupil.token, id)).body).toEqual({ counted: false });
    expect((await view(classmate.token, id)).body).toEqual({ counted: true });
    expect(await statistics(pupil.token, id)).toMatchObject({ views: 2, viewers: 2 });
    await anHourLater(id);
    expect((await view(pupil.token, id)).body).toEqual({ counted: true });
    expect((await view(pupil.token, id)).body).toEqual({ counted: false });
    expect(await statistics(pupil.token, id)).toMatchObject({ views: 3, viewers: 2 });
  });

  test("an hour is one of the clock, in UTC: its last millisecond belongs to it, the next one to the next [row 32]", async () => {
    const { id } = await lesson();
    const at = (time: string) =>
      withTenant(db, { organizationId: school.id, userId: pupil.user.id }, (tx) =>
        countView(tx, school.id, id, pupil.user.id, new Date(time)),
      );
    expect(await at("2026-03-01T09:00:00.000Z")).toBe(true);
    expect(await at("2026-03-01T09:59:59.999Z")).toBe(false);
    expect(await at("2026-03-01T10:00:00.000Z")).toBe(true);
    // A node whose clock is behind counts nothing twice.
    expect(await at("2026-03-01T09:30:00.000Z")).toBe(false);
    expect(await at("2026-03-01T10:59:59.999Z")).toBe(false);
    expect(await at("2026-03-01T23:59:59.999Z")).toBe(true);
    expect(await at("2026-03-02T00:00:00.000Z")).toBe(true);
    expect(await statistics(pupil.token, id)).toMatchObject({ views: 4, viewers: 1 });
  });

  test("old rows are removed in batches and stay counted; recent ones stay as they are [row 32]", async () => {
    const { id } = await lesson();
    for (const { token } of [pupil, classmate, teacher, colleague]) await view(token, id);
    await anHourLater(id);
    for (const { token } of [pupil, classmate]) await view(token, id);
    const before = await statistics(pupil.token, id);
    expect(before).toMatchObject({ views: 6, viewers: 4 });
    await admin(
      `update app.content_view set last_hour = last_hour - interval '401 days'
       where content_id = $1 and user_id = any($2)`,
      [id, [pupil.user.id, teacher.user.id, colleague.user.id]],
    );
    expect(await pruneViews(app.deps, other.id, 2)).toBe(0);
    expect(await pruneViews(app.deps, school.id, 2)).toBe(2);
    expect(await statistics(pupil.token, id)).toEqual(before);
    expect(await pruneViews(app.deps, school.id, 2)).toBe(1);
    expect(await pruneViews(app.deps, school.id, 2)).toBe(0);
    expect(await statistics(pupil.token, id)).toEqual(before);
    expect(await admin("select user_id as id from app.content_view where content_id = $1", [id])).toEqual([
      { id: classmate.user.id },
    ]);
    await view(pupil.token, id);
    expect(await statistics(pupil.token, id)).toMatchObject({ views: 7, viewers: 5 });
  });

  test("of a draft, a deleted lesson, another organization's: not there; of one's own draft: not published [row 45]", async () => {
    const [draft, gone] = [await it.content(teacher.token), await lesson()];
    await request("DELETE", `/v1/contents/${gone.id}`, { token: teacher.token });
    for (const id of [draft.id, gone.id, theirs.id, Bun.randomUUIDv7()]) {
      for (const answer of [
        await view(pupil.token, id),
        await complete(pupil.token, id),
        await undo(pupil.token, id),
        await request("GET", `/v1/contents/${id}/statistics`, { token: pupil.token }),
      ]) {
        expect([answer.status, answer.body.type]).toEqual([404, "urn:satchel:problem:not_found"]);
      }
    }
    for (const answer of [await view(teacher.token, draft.id), await complete(teacher.token, draft.id)]) {
      expect([answer.status, answer.body.type]).toEqual([409, "urn:satchel:problem:content_not_published"]);
    }
    const ids = [draft.id, gone.id, theirs.id];
    expect(await admin("select from app.content_view where content_id = any($1)", [ids])).toEqual([]);
    expect(await admin("select from app.completion where content_id = any($1)", [ids])).toEqual([]);
  });

  test("none of it touches the lesson [row 32]", async () => {
    const { id } = await lesson();
    const before = await request("GET", `/v1/contents/${id}`, { token: teacher.token });
    const row = "select xmin::text, t::text as row from app.content t where content_id = $1";
    const stored = await admin(row, [id]);
    await view(pupil.token, id);
    await complete(pupil.token, id);
    await undo(pupil.token, id);
    await rate(pupil.token, id, 5);
    const after = await request("GET", `/v1/contents/${id}`, { token: teacher.token });
    expect(after.body).toEqual(before.body);
    expect(after.headers.get("etag")).toBe(before.headers.get("etag"));
    expect(await admin(row, [id])).toEqual(stored);
  });
});

describe("completions", () => {
  test("count once per person, keep their first time, and can be taken back [row 32]", async () => {
    const { id } = await lesson();
    const first = await complete(pupil.token, id);
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({ contentId: id, userId: pupil.user.id });
    expect((await complete(pupil.token, id)).body).toEqual(first.body);
    await complete(classmate.token, id);
    expect(await statistics(pupil.token, id)).toMatchObject({ completions: 2, views: 0 });
    for (let n = 0; n < 2; n++) expect((await undo(pupil.token, id)).status).toBe(204);
    expect(await statistics(pupil.token, id)).toMatchObject({ completions: 1 });
    expect((await complete(pupil.token, id)).body.completedAt > first.body.completedAt).toBe(true);
    expect(await statistics(pupil.token, id)).toMatchObject({ completions: 2 });
  });

  test("are shown to the lesson's author and admins, page by page, and that is in the audit", async () => {
    const { id } = await lesson();
    for (const { token } of [pupil, classmate, colleague]) await complete(token, id);
    const expected = [colleague, classmate, pupil].map(({ user }) => user.id);
    const first = await completions(teacher.token, id, "?limit=2");
    const next = await completions(teacher.token, id, `?limit=2&cursor=${first.body.nextCursor}`);
    const shown = [...first.body.items, ...next.body.items];
    expect(shown.map(({ userId }) => userId)).toEqual(expected);
    expect(next.body.nextCursor).toBeNull();
    expect((await completions(school.token, id)).body.items).toEqual(shown);
    for (const token of [colleague.token, pupil.token])
      expect((await completions(token, id)).status).toBe(403);
    expect((await completions(other.token, id)).status).toBe(404);
    const named = await completions(teacher.token, id, "?include=person&fields=completedAt");
    expect(named.body.items.map((item) => Object.keys(item).sort())).toEqual(
      expected.map(() => ["completedAt", "id", "person"]),
    );
    expect(named.body.items).toMatchObject(expected.map((userId) => ({ person: { id: userId } })));
    const told = await admin<{ subject: string }>(
      `select s.subject_id as subject from app.audit_event e
       join app.audit_subject s using (organization_id, sequence)
       where e.organization_id = $1 and e.action = 'user.listed' and e.target_type = 'completions' and e.actor_id = $2`,
      [school.id, teacher.user.id],
    );
    expect(told.map(({ subject }) => subject).sort()).toEqual([...expected].sort());
  });

  test("one's own are listed, the latest first, and no others", async () => {
    const reader = await it.member(school);
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) {
      const { id } = await lesson();
      await complete(reader.token, id);
      await complete(pupil.token, id);
      ids.unshift(id);
    }
    const first = await mine(reader.token, "?limit=2");
    const next = await mine(reader.token, `?limit=2&cursor=${first.body.nextCursor}`);
    const all = [...first.body.items, ...next.body.items];
    expect(all.map(({ contentId }) => contentId)).toEqual(ids);
    expect(new Set(all.map(({ userId }) => userId))).toEqual(new Set([reader.user.id]));
    expect((await mine(stranger.token)).body.items).toEqual([]);
  });

  test("a deleted lesson takes all its numbers out of sight, and restoring it brings exactly those back [row 62]", async () => {
    const reader = await it.member(school);
    const { id } = await lesson();
    await view(reader.token, id);
    await complete(reader.token, id);
    await complete(pupil.token, id);
    await undo(pupil.token, id);
    await rate(reader.token, id, 4);
    const before = await statistics(reader.token, id);
    expect(before).toMatchObject({ views: 1, viewers: 1, completions: 1, ratings: { count: 1 } });
    await request("DELETE", `/v1/contents/${id}`, { token: teacher.token });
    expect((await mine(reader.token)).body.items).toEqual([]);
    expect((await completions(school.token, id)).status).toBe(404);
    expect((await undo(reader.token, id)).status).toBe(404);
    expect((await request("POST", `/v1/contents/${id}/restore`, { token: teacher.token })).status).toBe(200);
    expect(await statistics(school.token, id)).toEqual(before);
    expect((await mine(reader.token)).body.items.map(({ contentId }) => contentId)).toEqual([id]);
  });
});

test("statistics hold the comments that everybody sees, too", async () => {
  const { id } = await lesson();
  const path = `/v1/contents/${id}/comments`;
  const { status } = await request("POST", path, { token: pupil.token, body: { body: "Why does it end?" } });
  expect(status).toBe(201);
  expect(await statistics(classmate.token, id)).toEqual({
    ...{ views: 0, viewers: 0, completions: 0, comments: 1 },
    ratings: { average: null, count: 0, distribution: [0, 0, 0, 0, 0] },
  });
});

describe("the database", () => {
  test("refuses numbers that cannot be [row 38]", async () => {
    const { id } = await lesson();
    await view(pupil.token, id);
    const refusals: readonly (readonly [string, string])[] = [
      ["update app.content_view set views = 0 where content_id = $1", "content_view_views_positive"],
      ["update app.content_view set views = -1 where content_id = $1", "content_view_views_positive"],
      [
        "update app.content_view set last_hour = last_hour + interval '1 second' where content_id = $1",
        "content_view_last_hour_whole",
      ],
    ];
    for (const [text, constraint] of refusals) {
      expect(await refusedBy(as(school.id, text, [id]))).toEqual({ code: "23514", constraint });
    }
    for (const column of ["views", "viewers"]) {
      const values = column === "views" ? "-1, 0" : "0, -1";
      const insert = `insert into app.content_tally (organization_id, content_id, views, viewers) values ($1, $2, ${values})`;
      expect(await refusedBy(admin(insert, [school.id, id]))).toEqual({
        ...{ code: "23514", constraint: `content_tally_${column}_counts` },
      });
    }
    for (const [column, value, constraint] of [
      ["version", 0, "version_positive"],
      ["estimated_duration_minutes", 0, "content_estimated_duration_range"],
      ["estimated_duration_minutes", 100_001, "content_estimated_duration_range"],
    ] as const) {
      const insert = `insert into app.content (organization_id, title, slug, ${column}) values ($1, 'T', 'bad', $2)`;
      expect(await refusedBy(admin(insert, [school.id, value]))).toEqual({ code: "23514", constraint });
    }
    expect(await statistics(pupil.token, id)).toMatchObject({ views: 1, viewers: 1 });
  });

  test("lets nobody make up what was counted of people who are gone", async () => {
    const { id } = await lesson();
    for (const text of [
      "insert into app.content_tally (organization_id, content_id, views, viewers) values ($1, $2, 1000, 1000)",
      "update app.content_tally set views = 1000 where organization_id = $1 and content_id = $2",
      "delete from app.content_tally where organization_id = $1 and content_id = $2",
    ]) {
      expect((await refusedBy(as(school.id, text, [school.id, id])))?.code).toBe("42501");
    }
  });
});
