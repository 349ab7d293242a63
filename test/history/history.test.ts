/** What every change leaves behind. */
import { afterAll, describe, expect, test } from "bun:test";
import { importContents } from "../../src/contents/contents.ts";
import { withTenant } from "../../src/db.ts";
import { listChanges } from "../../src/history/history.ts";
import { publishDue } from "../../src/publications/publications.ts";
import { domain, refusedBy, run } from "../support/domain.ts";

const app = await domain();
const { it, request, as } = app;
const { admin, db } = app.database;
afterAll(app.close);

const school = await it.organization();
const other = await it.organization();
const teacher = await it.member(school, "teacher");
const any = { "if-match": "*" };

interface Change {
  readonly id: string;
  readonly action: string;
  readonly version: number;
  readonly actorId: string | null;
  readonly before: Record<string, unknown> | null;
  readonly after: Record<string, unknown> | null;
}
interface Page {
  readonly items: readonly Change[];
  readonly nextCursor: string | null;
}
const historyOf = (id: string, query = "", token = teacher.token) =>
  request<Page>("GET", `/v1/contents/${id}/history${query}`, { token });
const changesOf = (organizationId: string, table: Parameters<typeof listChanges>[2], id: string) =>
  withTenant(db, { organizationId, userId: null }, (tx) =>
    listChanges(tx, organizationId, table, id, null, 100),
  );
const change = (id: string, body: unknown, token = teacher.token) =>
  request("PATCH", `/v1/contents/${id}`, { token, headers: any, body });

describe("of a lesson [row 9]", () => {
  test("each change says who, when, before and after: all of what was added, of an update what changed", async () => {
    const lesson = await it.content(teacher.token, { title: "First", body: "A long body" });
    await change(lesson.id, { title: "Second" }, school.token);
    await request("POST", `/v1/contents/${lesson.id}/publish`, { token: teacher.token, headers: any });
    await request("DELETE", `/v1/contents/${lesson.id}`, { token: teacher.token });
    const { items } = (await historyOf(lesson.id)).body;
    expect(items.map(({ action, version, actorId }) => [action, version, actorId])).toEqual([
      ["update", 4, teacher.user.id],
      ["update", 3, teacher.user.id],
      ["update", 2, school.admin.id],
      ["insert", 1, teacher.user.id],
    ]);
    const [deleted, published, renamed, added] = items;
    expect(added?.before).toBeNull();
    expect(added?.after).toMatchObject({ title: "First", body: "A long body", status: "draft", version: 1 });
    expect(renamed?.before).toMatchObject({ title: "First", version: 1, updated_by_id: teacher.user.id });
    expect(renamed?.after).toMatchObject({ title: "Second", version: 2, updated_by_id: school.admin.id });
    expect(Object.keys(renamed?.after ?? {}).sort()).toEqual([
      "latest_number",
      "title",
      "updated_at",
      "updated_by_id",
      "version",
    ]);
    expect(published?.after).toMatchObject({ status: "published" });
    expect(deleted?.after).toMatchObject({ deleted_by_id: teacher.user.id });
  });

  test("tells every step of the workflow and who took it; what a job does is done by nobody in particular [row 107]", async () => {
    const lesson = await it.content(teacher.token, { title: "One" });
    const path = `/v1/contents/${lesson.id}`;
    const act = (action: string, token = teacher.token, body?: unknown) =>
      request("POST", `${path}/${action}`, { token, headers: any, body });
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
    await act("submit", teacher.token, {});
    await act("reject", school.token, { reason: "Not yet." });
    await change(lesson.id, { title: "Two" });
    await act("submit", teacher.token, {});
    await act("approve", school.token, {});
    await request("PUT", `${path}/schedule`, {
      token: school.token,
      headers: any,
      body: { publishAt: inAnHour, unpublishAt: null },
    });
    await admin("update app.content set publish_at = now() where content_id = $1", [lesson.id]);
    await publishDue(app.deps, school.id, 100);
    await act("versions/1/restore");
    await act("publish", school.token);
    await act("unpublish");
    await act("archive");
    await act("unarchive");
    await request("DELETE", path, { token: school.token });
    await act("restore");
    const { items } = (await historyOf(lesson.id, "?limit=100")).body;
    const { id: author } = teacher.user;
    const { id: reviewer } = school.admin;
    expect(
      [...items]
        .reverse()
        .map(({ version, actorId, before, after }) => [
          version,
          actorId,
          before?.status ?? null,
          after?.status ?? null,
          after?.latest_number ?? null,
          after?.live_number,
        ]),
    ).toEqual([
      [1, author, null, "draft", 1, null],
      [2, author, "draft", "pending_review", null, undefined],
      [3, reviewer, "pending_review", "rejected", null, undefined],
      [4, author, "rejected", "draft", 2, undefined],
      [5, author, "draft", "pending_review", null, undefined],
      [6, reviewer, "pending_review", "approved", null, undefined],
      // The schedule, and what moved the clock for this test.
      [7, reviewer, null, null, null, undefined],
      [8, null, null, null, null, undefined],
      [9, null, "approved", "published", null, 2],
      [10, author, "published", "draft", 3, undefined],
      [11, reviewer, "draft", "published", null, 3],
      [12, author, "published", "draft", null, null],
      [13, author, "draft", "archived", null, undefined],
      [14, author, "archived", "draft", null, undefined],
      [15, reviewer, null, null, null, undefined],
      [16, author, null, null, null, undefined],
    ]);
    const at = (version: number) => items.find((item) => item.version === version);
    expect(at(10)?.before).toMatchObject({ title: "Two", restored_from_number: null });
    expect(at(10)?.after).toMatchObject({ title: "One", restored_from_number: 1 });
    expect([at(7)?.before?.publish_at, typeof at(7)?.after?.publish_at]).toEqual([null, "string"]);
    expect([at(15)?.before?.deleted_at, at(15)?.after?.deleted_by_id]).toEqual([null, reviewer]);
    expect([at(16)?.before?.deleted_by_id, at(16)?.after?.deleted_at]).toEqual([reviewer, null]);
  });

  test("is of the lesson alone: what others write under it, rate it or read of it is none of its changes", async () => {
    const lesson = await it.published(teacher.token);
    const pupil = await it.member(school);
    const path = `/v1/contents/${lesson.id}`;
    const before = (await historyOf(lesson.id)).body;
    const done = [
      await request("POST", `${path}/comments`, { token: pupil.token, body: { body: "Why?" } }),
      await request("PUT", `${path}/rating`, { token: pupil.token, body: { stars: 5 } }),
      await request("POST", `${path}/views`, { token: pupil.token }),
    ];
    expect(done.map(({ status }) => status)).toEqual([201, 200, 200]);
    expect((await historyOf(lesson.id)).body).toEqual(before);
  });

  test("is paged, newest first", async () => {
    const lesson = await it.content(teacher.token);
    for (let n = 0; n < 6; n++) await change(lesson.id, { title: `T${n}` });
    const versions: number[] = [];
    let query = "?limit=3";
    for (;;) {
      const { body } = await historyOf(lesson.id, query);
      versions.push(...body.items.map(({ version }) => version));
      if (body.nextCursor === null) break;
      query = `?limit=3&cursor=${encodeURIComponent(body.nextCursor)}`;
    }
    expect(versions).toEqual([7, 6, 5, 4, 3, 2, 1]);
    // A cursor of another lesson is none of this one.
    const [first, second] = [await historyOf(lesson.id, "?limit=1"), await it.content(teacher.token)];
    expect((await historyOf(second.id, `?limit=1&cursor=${first.body.nextCursor}`)).status).toBe(422);
  });

  test("is paged by its bytes as well: at least one change, however long", async () => {
    const lesson = await it.content(teacher.token);
    for (let n = 0; n < 4; n++) await change(lesson.id, { body: `${n}`.repeat(700_000) });
    await change(lesson.id, { title: "Short" });
    const pages: number[][] = [];
    let query = "?limit=100";
    for (let cursor: string | null = ""; cursor !== null; query = `?limit=100&cursor=${cursor}`) {
      const { body } = await historyOf(lesson.id, query);
      pages.push(body.items.map(({ version }) => version));
      expect(JSON.stringify(body).length).toBeLessThan(1_500_000);
      cursor = body.nextCursor;
    }
    // The first text has none before it; every later change holds two.
    expect(pages).toEqual([[6], [5], [4], [3], [2, 1]]);
  });

  test("keeps the order of changes within a millisecond, and each page follows the one before", async () => {
    const lesson = await it.content(teacher.token);
    await admin(`do $$ begin
      for i in 2..300 loop update app.content set title = 'T' || i where content_id = '${lesson.id}'; end loop;
    end $$`);
    const versions: number[] = [];
    let query = "?limit=100";
    for (let cursor: string | null = ""; cursor !== null; query = `?limit=100&cursor=${cursor}`) {
      const { body } = await historyOf(lesson.id, query);
      versions.push(...body.items.map(({ version }) => version));
      cursor = body.nextCursor;
    }
    expect(versions).toEqual(Array.from({ length: 300 }, (_, at) => 300 - at));
  });

  test("is there of a deleted lesson, for staff who did not write it, and for nobody else", async () => {
    const lesson = await it.published(teacher.token);
    const colleague = await it.member(school, "teacher");
    const pupil = await it.member(school);
    await request("DELETE", `/v1/contents/${lesson.id}`, { token: teacher.token });
    for (const token of [teacher.token, colleague.token, school.token]) {
      expect((await historyOf(lesson.id, "", token)).body.items).toHaveLength(3);
    }
    expect((await historyOf(lesson.id, "", pupil.token)).status).toBe(403);
    expect((await historyOf(lesson.id, "", other.token)).status).toBe(404);
    const { nextCursor } = (await historyOf(lesson.id, "?limit=1")).body;
    expect((await historyOf(lesson.id, `?limit=1&cursor=${nextCursor}`)).status).toBe(200);
    const theirs = await it.content(other.token);
    expect((await historyOf(theirs.id, `?limit=1&cursor=${nextCursor}`, other.token)).status).toBe(422);
  });

  test("says of a document what was in it, and of a change that was none nothing but the version", async () => {
    const metadata = { b: 1, a: { "10": "x" } };
    const lesson = await it.content(teacher.token, { metadata, tags: ["a", "a"] });
    await change(lesson.id, { metadata: { b: 2 } });
    await change(lesson.id, { tags: ["a", "a"] });
    const [same, changed, added] = (await historyOf(lesson.id)).body.items;
    expect(added?.after).toMatchObject({ metadata, tags: ["a", "a"] });
    expect([changed?.before?.metadata, changed?.after?.metadata]).toEqual([metadata, { b: 2 }]);
    expect(Object.keys(same?.after ?? {}).sort()).toEqual(["updated_at", "version"]);
  });

  test("is not there for a lesson that is not there, and not of another organization's", async () => {
    const lesson = await it.content(other.token);
    expect((await historyOf(lesson.id)).status).toBe(404);
    expect((await historyOf(Bun.randomUUIDv7())).status).toBe(404);
    expect(await changesOf(school.id, "content", lesson.id)).toEqual([]);
  });

  test("a change that is refused leaves none", async () => {
    const lesson = await it.content(teacher.token);
    await request("PATCH", `/v1/contents/${lesson.id}`, {
      token: teacher.token,
      headers: { "if-match": '"9"' },
      body: { title: "X" },
    });
    const taken = await it.content(teacher.token);
    await change(lesson.id, { slug: taken.slug });
    expect((await historyOf(lesson.id)).body.items).toHaveLength(1);
  });
});

describe("of others [row 9]", () => {
  test("a person and their profile have theirs, and no hash is in any", async () => {
    const user = await it.user(school, "student", { profile: { bio: "old" } });
    await request("PATCH", `/v1/users/${user.id}`, {
      token: school.token,
      headers: any,
      body: { fullName: "New", profile: { bio: "new" } },
    });
    await request("PUT", `/v1/users/${user.id}/role`, {
      token: school.token,
      headers: any,
      body: { role: "parent" },
    });
    const person = await changesOf(school.id, "user", user.id);
    expect(person.map(({ action, version }) => [action, version])).toEqual([
      ["update", 3],
      ["update", 2],
      ["insert", 1],
    ]);
    expect(person[0]).toMatchObject({
      before: { role: "student" },
      after: { role: "parent" },
      actorId: school.admin.id,
    });
    const profile = await changesOf(school.id, "profile", user.id);
    expect(profile.map(({ action }) => action)).toEqual(["update", "insert"]);
    expect(profile[0]).toMatchObject({ before: { bio: "old" }, after: { bio: "new" } });
    expect(
      await admin("select from app.history where before::text || coalesce(after::text, '') like '%argon2%'"),
    ).toEqual([]);
  });

  test("the organization has its own, founded by nobody in particular", async () => {
    const house = await it.organization();
    await request("PATCH", "/v1/organization", {
      token: house.token,
      headers: any,
      body: { name: "Renamed" },
    });
    const changes = await changesOf(house.id, "organization", house.id);
    expect(changes.map(({ action, actorId }) => [action, actorId])).toEqual([
      ["update", house.admin.id],
      // In which authors may approve their own work.
      ["update", house.admin.id],
      ["insert", null],
    ]);
  });

  test("hand-written SQL leaves it, a thousand rows in one statement a thousand records", async () => {
    await as(
      school.id,
      "insert into app.content (organization_id, title, slug) select $1, 'Bulk', 'bulk-' || i from generate_series(1, 1000) i",
      [school.id],
      school.admin.id,
    );
    await as(
      school.id,
      "update app.content set title = 'Bulk two' where title = 'Bulk'",
      [],
      teacher.user.id,
    );
    const counts = await admin(
      `select action, actor_id, count(*)::int as n from app.history h
       where table_name = 'content' and row_id in (select content_id from app.content where title = 'Bulk two')
       group by action, actor_id order by action`,
    );
    expect(counts).toEqual([
      { action: "insert", actor_id: school.admin.id, n: 1000 },
      { action: "update", actor_id: teacher.user.id, n: 1000 },
    ]);
  });

  test("an upsert that adds one row and changes another records one of each", async () => {
    const user = await it.user(school);
    const [fresh] = await as<{ userId: string }>(
      school.id,
      "insert into app.user (organization_id, username, full_name) values ($1, 'upsert', 'U') returning user_id",
      [school.id],
    );
    await as(
      school.id,
      "insert into app.profile (organization_id, user_id, bio) values ($1, $2, 'x'), ($1, $3, 'y') on conflict (organization_id, user_id) do update set bio = excluded.bio",
      [school.id, user.id, fresh?.userId],
    );
    expect((await changesOf(school.id, "profile", user.id)).map(({ action }) => action)).toEqual([
      "update",
      "insert",
    ]);
    expect((await changesOf(school.id, "profile", fresh?.userId ?? "")).map(({ action }) => action)).toEqual([
      "insert",
    ]);
  });

  test("an import is nobody's in particular, and records what it adds and what it changes, not what is equal", async () => {
    const house = await it.organization();
    const bring = (title: string) =>
      importContents(
        app.deps,
        { organizationId: house.id, userId: null },
        ["one", "two"].map((sourceId) => ({
          sourceId,
          title: sourceId === "one" ? title : "Same",
          slug: sourceId,
          description: "",
          body: "",
          language: "en",
          tags: [],
          metadata: {},
        })),
        { publish: false, dryRun: false },
      );
    await bring("Old");
    await bring("New");
    const rows = await admin<{ source: string; id: string }>(
      "select source_id as source, content_id as id from app.content where organization_id = $1 order by 1",
      [house.id],
    );
    const histories = await Promise.all(rows.map(({ id }) => changesOf(house.id, "content", id)));
    expect(histories.map((changes) => changes.map(({ action, actorId }) => [action, actorId]))).toEqual([
      [
        ["update", null],
        ["insert", null],
      ],
      [["insert", null]],
    ]);
    expect(histories[0]?.[0]).toMatchObject({ before: { title: "Old" }, after: { title: "New" } });
  });

  test("a row that is given another id has gone under the old one and come under the new, whole", async () => {
    // Requests for reviews: to them nothing else refers.
    const [moved, beside, id] = [Bun.randomUUIDv7(), Bun.randomUUIDv7(), Bun.randomUUIDv7()];
    for (const reviewId of [moved, beside]) {
      const { id: contentId } = await it.content(school.token);
      await as(
        school.id,
        "insert into app.review (organization_id, review_id, content_id, number, note) values ($1, $2, $3, 1, 'Moved')",
        [school.id, reviewId, contentId],
      );
    }
    await as(
      school.id,
      "update app.review set review_id = case review_id when $1 then $2::uuid else review_id end, note = note || '!' where review_id in ($1, $3)",
      [moved, id, beside],
    );
    const changesOfReview = (reviewId: string) =>
      admin(
        "select action, version, before, after from app.history where table_name = 'review' and row_id = $1 order by history_id desc",
        [reviewId],
      );
    const [gone] = await changesOfReview(moved);
    expect(gone).toMatchObject({ action: "delete", after: null, before: { note: "Moved", version: 1 } });
    const come = await changesOfReview(id);
    expect(come).toHaveLength(1);
    expect(come[0]).toMatchObject({ action: "insert", before: null, after: { note: "Moved!", version: 2 } });
    expect((await changesOfReview(beside))[0]).toMatchObject({
      action: "update",
      version: 2,
    });
  });

  test("a row that is deleted for good is recorded whole, with who did it", async () => {
    const lesson = await it.content(school.token, { title: "Erased", body: "All of it." });
    await admin("delete from app.content where content_id = $1", [lesson.id]);
    expect((await changesOf(school.id, "content", lesson.id))[0]).toMatchObject({
      action: "delete",
      version: 1,
      before: { title: "Erased", body: "All of it.", status: "draft" },
      after: null,
    });
  });

  test("what a removal takes along is recorded with it", async () => {
    const user = await it.user(school, "student", { profile: { bio: "gone" } });
    await admin("delete from app.user where user_id = $1", [user.id]);
    expect((await changesOf(school.id, "user", user.id))[0]).toMatchObject({
      action: "delete",
      before: { username: user.username },
      after: null,
    });
    expect((await changesOf(school.id, "profile", user.id))[0]).toMatchObject({
      action: "delete",
      before: { bio: "gone" },
    });
  });
});

test("nobody adds to, changes or removes what has been recorded, and what a transaction undoes is not [row 9] [row 41]", async () => {
  const lesson = await it.content(teacher.token);
  const before = await admin("select h::text from app.history h order by history_id");
  for (const text of [
    "update app.history set actor_id = null",
    "delete from app.history",
    "truncate app.history",
    "insert into app.history (organization_id, table_name, row_id, action) values (app.org(), 'content', app.uuidv7(), 'delete')",
  ]) {
    expect((await refusedBy(as(school.id, text)))?.code).toBe("42501");
  }
  expect(await admin("select h::text from app.history h order by history_id")).toEqual(before);
  const undone = withTenant(db, { organizationId: school.id, userId: null }, async (tx) => {
    await run(tx, "update app.content set title = 'undone' where content_id = $1", [lesson.id]);
    throw new Error("undo");
  });
  await expect(undone).rejects.toThrow("undo");
  expect(await changesOf(school.id, "content", lesson.id)).toHaveLength(1);
  // One's own organization's, and no other's, by hand-written SQL too.
  const seen = await as(other.id, "select distinct organization_id from app.history");
  expect(seen).toEqual([{ organizationId: other.id }]);
});
