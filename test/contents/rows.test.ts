/** Lessons over HTTP: writing, reading, changing, publishing, deleting and restoring one. */
import { afterAll, describe, expect, test } from "bun:test";
import { importContents, importSlug } from "../../src/contents/contents.ts";
import { domain } from "../support/domain.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [writer, colleague, pupil, parent] = [
  await it.member(school, "teacher"),
  await it.member(school, "teacher"),
  await it.member(school, "student"),
  await it.member(school, "parent"),
];
const any = { "if-match": "*" };

interface Content {
  readonly id: string;
  readonly slug: string;
  readonly status: string;
  readonly version: number;
  readonly type?: string;
  readonly [key: string]: unknown;
}
const write = (body: unknown, token = writer.token) =>
  request<Content>("POST", "/v1/contents", { token, body });
const read = (id: string, token = writer.token) => request<Content>("GET", `/v1/contents/${id}`, { token });
const change = (id: string, body: unknown, token = writer.token, headers: Record<string, string> = any) =>
  request<Content>("PATCH", `/v1/contents/${id}`, { token, headers, body });
const act = (
  id: string,
  action: string,
  token = writer.token,
  headers: Record<string, string> = { "if-match": "*" },
) => request<Content>("POST", `/v1/contents/${id}/${action}`, { token, headers });
const remove = (id: string, token = writer.token, headers: Record<string, string> = {}) =>
  request<Content>("DELETE", `/v1/contents/${id}`, { token, headers });
const outcome = ({ status, body }: { status: number; body: Content | null }) =>
  status < 300 ? status : [status, body?.type?.replace("urn:satchel:problem:", "")];
const row = async (id: string) =>
  (await admin<{ row: string }>("select c::text as row from app.content c where content_id = $1", [id]))[0]
    ?.row;

describe("fields", () => {
  test("all come back as they went, in whatever alphabet [row 23] [row 27] [row 28] [row 58]", async () => {
    const body = {
      title: "Ácidos — 酸と塩基 🧪",
      slug: "acids-and-bases",
      description: '<b>not bold</b> & "quoted"\n\ttabbed',
      body: "# Title\r\n\r\n`code` \\( x_1 \\) <script>alert(1)</script>\u200f עברית \u{1F469}\u200D\u{1F52C}",
      contentType: "tutorial",
      difficultyLevel: "expert",
      language: "es",
      tags: ['with "quotes"', "a,b", "{brace}", "back\\slash", "NULL", "ñ 漢", " "],
      prerequisites: ["one", "two"],
      learningObjectives: [],
      metadata: {
        z: 1,
        a: { snake_case: [1, "2", null, { deep_key: true }], camelCase: "x" },
        "": "empty",
        "with space": 1.5,
        é: -0.25,
      },
      settings: { show_hints: false, nested: [[[]], {}] },
      estimatedDurationMinutes: 45,
      sourceId: "m-00116/β",
    };
    const made = await write(body);
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      ...body,
      status: "draft",
      version: 1,
      createdById: writer.user.id,
      publishedAt: null,
      reviewedAt: null,
    });
    expect((await read(made.body.id)).body).toEqual(made.body);
  });

  test("documents keep the order of their keys, through a change of another field too [row 27]", async () => {
    const text = '{"zebra":1,"apple":{"y_two":2,"x_one":[{"q":1,"b":2}]},"Mango":null}';
    const made = await write(`{"title":"Ordered","metadata":${text},"settings":${text}}`);
    await change(made.body.id, { title: "Ordered differently" });
    const { body } = await read(made.body.id);
    expect(JSON.stringify(body.metadata)).toBe(text);
    expect(JSON.stringify(body.settings)).toBe(text);
    const [stored] = await admin<{ text: string }>(
      "select metadata::text from app.content where content_id = $1",
      [made.body.id],
    );
    expect(stored).toEqual({ metadata: text } as never);
  });

  test("what is not given has its default, and a slug is made of the title and is its own [row 24] [row 58]", async () => {
    const [one, two, three] = [
      await write({ title: "Introducción" }),
      await write({ title: "Introducción" }),
      await write({ title: "漢字" }),
    ];
    expect(one.body).toMatchObject({
      description: "",
      body: "",
      contentType: "lesson",
      difficultyLevel: "beginner",
      language: "en",
      tags: [],
      prerequisites: [],
      learningObjectives: [],
      metadata: {},
      settings: {},
      estimatedDurationMinutes: null,
      sourceId: null,
    });
    expect(one.body.slug).toMatch(/^introduccion-[0-9a-f]{8}$/);
    expect(two.body.slug).not.toBe(one.body.slug);
    expect(three.body.slug).toMatch(/^[0-9a-f]{8}$/);
  });

  test("a language may be named by its code or its English name, and is stored as its code [row 26]", async () => {
    for (const [written, stored] of [
      ["Spanish", "es"],
      ["ES", "es"],
      ["pt-BR", "pt-BR"],
      ["simple", "simple"],
      ["abcdefghij", "abcdefghij"],
    ]) {
      expect((await write({ title: "L", language: written })).body.language).toBe(stored);
    }
  });

  test.each([
    ["title", ""],
    ["title", " \n"],
    ["title", "x".repeat(301)],
    ["title", null],
    ["slug", "A"],
    ["slug", "a--b"],
    ["slug", "-a"],
    ["slug", "a_b"],
    ["slug", "ñ"],
    ["slug", "a".repeat(201)],
    ["slug", ""],
    ["contentType", "video"],
    ["difficultyLevel", "easy"],
    ["estimatedDurationMinutes", 0],
    ["estimatedDurationMinutes", -1],
    ["estimatedDurationMinutes", 1.5],
    ["estimatedDurationMinutes", 100_001],
    ["tags", [""]],
    ["tags", [null]],
    ["tags", "a"],
    ["tags", Array(101).fill("a")],
    ["tags", ["x".repeat(101)]],
    ["metadata", []],
    ["metadata", null],
    ["metadata", "{}"],
    ["settings", 1],
    ["language", "e"],
    ["language", "es_MX"],
    ["language", "abcdefghijk"],
    ["sourceId", ""],
    ["sourceId", "x".repeat(201)],
    ["description", "x".repeat(5001)],
  ] as const)(
    "%s cannot be %j: refused with its place, when written and when changed [row 23] [row 38]",
    async (field, value) => {
      const before = await admin("select count(*) from app.content");
      const lesson = await it.content(writer.token);
      const stored = await row(lesson.id);
      for (const answer of [
        await write({ title: "T", [field]: value }),
        await change(lesson.id, { [field]: value }),
      ]) {
        expect(outcome(answer)).toEqual([422, "invalid_request"]);
        expect(JSON.stringify(answer.body)).toContain(`"#/${field}`);
      }
      expect(await row(lesson.id)).toBe(stored);
      await admin("delete from app.content where content_id = $1", [lesson.id]);
      expect(await admin("select count(*) from app.content")).toEqual(before);
    },
  );
});

describe("slugs and source ids", () => {
  test("are one's own among live lessons of the organization, and free in another [row 24] [row 66]", async () => {
    const first = await it.content(writer.token, { slug: "unique-one", sourceId: "s1" });
    expect(outcome(await write({ title: "T", slug: "unique-one" }))).toEqual([409, "content_slug_taken"]);
    const taken = await write({ title: "T", sourceId: "s1" });
    expect(outcome(taken)).toEqual([409, "content_source_id_taken"]);
    expect(JSON.stringify(taken.body)).toContain('"pointer":"#/sourceId"');
    const second = await it.content(writer.token, { slug: "unique-two", sourceId: "s2" });
    const before = await row(second.id);
    expect(outcome(await change(second.id, { title: "X", slug: "unique-one" }))).toEqual([
      409,
      "content_slug_taken",
    ]);
    expect(outcome(await change(second.id, { title: "X", sourceId: "s1" }))).toEqual([
      409,
      "content_source_id_taken",
    ]);
    expect(await row(second.id)).toBe(before);
    expect((await write({ title: "T", slug: "unique-one", sourceId: "s1" }, other.token)).status).toBe(201);
    await remove(first.id);
    expect((await write({ title: "T", slug: "unique-one", sourceId: "s1" })).status).toBe(201);
    expect(outcome(await act(first.id, "restore"))).toEqual([409, "content_slug_taken"]);
  });

  test("two who want one slug at the same moment: one gets it [row 24]", async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => write({ title: "T", slug: "wanted" })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
  });

  test("of imported lessons never look alike, though a slug shows less than a source id", () => {
    const ids = [
      "m00116",
      "M00116",
      "a.b",
      "a-b",
      "a b",
      "学",
      "校",
      `${"x".repeat(70)}1`,
      `${"x".repeat(70)}2`,
    ];
    const slugs = ids.map((id) => importSlug("Same title", id));
    expect(new Set(slugs).size).toBe(ids.length);
    for (const slug of slugs) expect(slug).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(slugs[0]).toBe("same-title-m00116");
    expect(importSlug("x".repeat(500), "y".repeat(500)).length).toBeLessThanOrEqual(200);
  });
});

describe("publishing", () => {
  test("sets status, time and reviewer; taking back leaves only who reviewed it [row 30]", async () => {
    const draft = await it.content(writer.token);
    const published = await act(draft.id, "publish", school.token);
    expect(published.body).toMatchObject({ status: "published", version: 2, reviewedById: school.admin.id });
    for (const time of [published.body.publishedAt, published.body.reviewedAt]) {
      expect(Math.abs(Date.parse(String(time)) - Date.now())).toBeLessThan(60_000);
    }
    const taken = await act(draft.id, "unpublish");
    expect(taken.body).toMatchObject({
      status: "draft",
      version: 3,
      publishedAt: null,
      liveNumber: null,
      reviewedById: school.admin.id,
    });
  });

  test.each([
    ["draft", "publish", 200],
    ["pending_review", "publish", 200],
    ["approved", "publish", 200],
    ["rejected", "publish", 409],
    ["published", "publish", 409],
    ["archived", "publish", 409],
    ["draft", "unpublish", 409],
    ["pending_review", "unpublish", 409],
    ["approved", "unpublish", 409],
    ["rejected", "unpublish", 409],
    ["published", "unpublish", 200],
    ["archived", "unpublish", 409],
  ])("from %s: %s answers %d [row 31]", async (status, action, expected) => {
    const lesson = await it.content(writer.token);
    await admin(
      "update app.content set status = $2, published_at = case when $2 = 'published' then now() end where content_id = $1",
      [lesson.id, status],
    );
    const before = await row(lesson.id);
    const answer = await act(lesson.id, action);
    expect(answer.status).toBe(expected);
    if (expected === 409) {
      expect(answer.body.type).toBe("urn:satchel:problem:illegal_status_transition");
      expect(await row(lesson.id)).toBe(before);
    }
  });

  test("a status is never written as a field; another text is a draft beside what is live, anything else is not [row 31] [row 60]", async () => {
    const lesson = await it.published(writer.token);
    expect((await change(lesson.id, { status: "archived" })).status).toBe(422);
    const unchanged = { sourceId: `moved-${lesson.id}`, metadata: {}, tags: [] };
    expect((await change(lesson.id, unchanged)).body).toMatchObject({ status: "published", latestNumber: 1 });
    expect((await change(lesson.id, { title: "Better" })).body).toMatchObject({
      status: "draft",
      title: "Better",
      latestNumber: 2,
      liveNumber: 1,
    });
  });

  test("five who publish at once: one does, and the version counts it once", async () => {
    const draft = await it.content(writer.token);
    const answers = await Promise.all(Array.from({ length: 5 }, () => act(draft.id, "publish")));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
    expect((await read(draft.id)).body.version).toBe(2);
  });
});

describe("who may", () => {
  test("staff see drafts, others what is published, and nothing else is there for them [row 55]", async () => {
    const draft = await it.content(writer.token);
    const published = await it.published(writer.token);
    for (const { token } of [writer, colleague, { token: school.token }]) {
      expect([(await read(draft.id, token)).status, (await read(published.id, token)).status]).toEqual([
        200, 200,
      ]);
    }
    for (const { token } of [pupil, parent]) {
      expect([(await read(draft.id, token)).status, (await read(published.id, token)).status]).toEqual([
        404, 200,
      ]);
    }
  });

  test("a teacher changes their own, an admin all: what a colleague wrote is seen and not touched", async () => {
    const lesson = await it.published(writer.token);
    const before = await row(lesson.id);
    const tries = [
      await change(lesson.id, { title: "Mine now" }, colleague.token),
      await act(lesson.id, "unpublish", colleague.token),
      await act(lesson.id, "publish", colleague.token),
      await remove(lesson.id, colleague.token),
    ];
    for (const answer of tries) expect(outcome(answer)).toEqual([403, "forbidden"]);
    expect(await row(lesson.id)).toBe(before);
    expect((await change(lesson.id, { title: "Admin was here" }, school.token)).body).toMatchObject({
      createdById: writer.user.id,
      updatedById: school.admin.id,
    });
    await remove(lesson.id, school.token);
    expect(outcome(await act(lesson.id, "restore", colleague.token))).toEqual([403, "forbidden"]);
    expect((await act(lesson.id, "restore", writer.token)).status).toBe(200);
  });
});

describe("changing", () => {
  test("only what is given, under the version that was read, and the lesson beside stays as it is [row 60]", async () => {
    const lesson = await it.content(writer.token, {
      metadata: { a: 1 },
      tags: ["x"],
      estimatedDurationMinutes: 5,
    });
    const beside = await row((await it.content(writer.token)).id);
    const before = (await read(lesson.id)).body;
    expect((await change(lesson.id, { title: "N" }, writer.token, {})).status).toBe(428);
    expect((await change(lesson.id, { title: "N" }, writer.token, { "if-match": '"2"' })).status).toBe(412);
    const answer = await change(lesson.id, { title: "N", estimatedDurationMinutes: null }, writer.token, {
      "if-match": '"1"',
    });
    expect(answer.headers.get("etag")).toBe('"2"');
    expect(answer.body).toEqual({
      ...before,
      title: "N",
      estimatedDurationMinutes: null,
      version: 2,
      latestNumber: 2,
      updatedAt: answer.body.updatedAt,
    });
    expect(await admin("select c::text as row from app.content c where c::text = $1", [beside])).toHaveLength(
      1,
    );
  });

  test("a hundred at once from the same version: one goes through, none is lost unseen", async () => {
    const lesson = await it.content(writer.token);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        change(lesson.id, { title: `T${n}` }, writer.token, { "if-match": '"1"' }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(99);
    expect((await read(lesson.id)).body.version).toBe(2);
  });
});

describe("deleting and restoring", () => {
  test("a deleted lesson is out of sight for everybody, marked once with when and by whom [row 8] [row 55] [row 61]", async () => {
    const lesson = await it.published(writer.token);
    const beside = await it.published(writer.token);
    const untouched = await row(beside.id);
    expect((await remove(lesson.id, writer.token, { "if-match": '"1"' })).status).toBe(412);
    expect((await remove(lesson.id)).status).toBe(204);
    const before = await row(lesson.id);
    for (const answer of [
      await remove(lesson.id),
      await read(lesson.id),
      await change(lesson.id, { title: "X" }),
      await act(lesson.id, "publish"),
      await act(lesson.id, "unpublish"),
      await read(lesson.id, school.token),
    ]) {
      expect(outcome(answer)).toEqual([404, "not_found"]);
    }
    expect(await row(lesson.id)).toBe(before);
    expect(await admin("select deleted_by_id from app.content where content_id = $1", [lesson.id])).toEqual([
      { deleted_by_id: writer.user.id },
    ]);
    expect(await row(beside.id)).toBe(untouched);
  });

  test("a deleted lesson is read by who may restore it, when they ask for it, and by nobody else [row 55] [row 61]", async () => {
    const lesson = await it.published(writer.token, { title: "Gone", body: "*gone*" });
    const live = (await read(lesson.id)).body;
    await remove(lesson.id);
    const also = (id: string, token: string, more = "") =>
      request<Content>("GET", `/v1/contents/${id}?includeDeleted=true${more}`, { token });
    const stranger = await it.member(other, "teacher");

    for (const token of [writer.token, school.token]) {
      const { body, headers } = await also(lesson.id, token);
      const { deletedAt, updatedAt, version } = body;
      expect(body).toEqual({ ...live, deletedAt, updatedAt, version: 3 });
      expect([typeof deletedAt, version, headers.get("etag")]).toEqual(["string", 3, '"3"']);
      // It has not become what others, or the same person, are given without asking for it.
      expect((await read(lesson.id, token)).status).toBe(404);
    }
    const some = await also(lesson.id, writer.token, "&fields=title&render=html&include=commentCount");
    expect<unknown>(some.body).toEqual({
      id: lesson.id,
      version: 3,
      title: "Gone",
      html: "<p><em>gone</em></p>\n",
      commentCount: 0,
    });
    for (const { token } of [colleague, pupil, parent]) {
      expect(outcome(await also(lesson.id, token))).toEqual([403, "forbidden"]);
    }
    for (const token of [other.token, stranger.token]) {
      expect(outcome(await also(lesson.id, token))).toEqual([404, "not_found"]);
    }
    expect(outcome(await also(Bun.randomUUIDv7(), writer.token))).toEqual([404, "not_found"]);
    // A pupil is not told what there is either.
    expect(outcome(await also(Bun.randomUUIDv7(), pupil.token))).toEqual([403, "forbidden"]);
    for (const more of ["&view=live", `&asOf=${encodeURIComponent(new Date().toISOString())}`]) {
      expect(outcome(await also(lesson.id, writer.token, more))).toEqual([422, "invalid_request"]);
    }
    const { body } = await act(lesson.id, "restore");
    expect((await also(lesson.id, writer.token)).body).toEqual(body);
  });

  test("restored it is as before, published if it was; a live one is refused [row 62]", async () => {
    const lesson = await it.published(writer.token, { tags: ["kept"] });
    const before = (await read(lesson.id)).body;
    expect(outcome(await act(lesson.id, "restore"))).toEqual([409, "content_not_deleted"]);
    await remove(lesson.id);
    expect(outcome(await act(lesson.id, "restore", writer.token, { "if-match": '"2"' }))).toEqual([
      412,
      "stale",
    ]);
    const answer = await act(lesson.id, "restore", writer.token, { "if-match": '"3"' });
    expect(answer.body).toEqual({ ...before, version: 4, updatedAt: answer.body.updatedAt });
    expect((await read(lesson.id, pupil.token)).status).toBe(200);
  });
});

describe("importing in a batch", () => {
  const record = (sourceId: string, more: object = {}) => ({
    sourceId,
    title: `Title ${sourceId}`,
    slug: importSlug(`Title ${sourceId}`, sourceId),
    description: "",
    body: "b",
    language: "en",
    tags: ["t"],
    metadata: { k_1: 1 },
    ...more,
  });
  const bring = (
    records: readonly ReturnType<typeof record>[],
    options: Partial<Parameters<typeof importContents>[3]> = {},
  ) =>
    importContents(app.deps, { organizationId: other.id, userId: null }, records, {
      publish: false,
      dryRun: false,
      ...options,
    });
  const stored = () =>
    admin<{ source_id: string; version: number; status: string }>(
      "select source_id, version, status from app.content where organization_id = $1 and source_id like 'i-%' order by source_id",
      [other.id],
    );

  test("adds what is new, makes a version of what changed, leaves alone what is equal [row 29]", async () => {
    const records = ["i-1", "i-2", "i-3"].map((id) => record(id));
    expect(await bring(records, { dryRun: true })).toEqual({ added: 3, changed: 0, unchanged: 0 });
    expect(await stored()).toEqual([]);
    expect(await bring(records)).toEqual({ added: 3, changed: 0, unchanged: 0 });
    const before = await admin("select c::text from app.content c where source_id = 'i-1'");
    expect(await bring(records)).toEqual({ added: 0, changed: 0, unchanged: 3 });
    expect(await bring([record("i-1"), record("i-2", { body: "other" }), record("i-4")])).toEqual({
      added: 1,
      changed: 1,
      unchanged: 1,
    });
    expect(await admin("select c::text from app.content c where source_id = 'i-1'")).toEqual(before);
    expect((await stored()).map(({ version }) => version)).toEqual([1, 2, 1, 1]);
    expect(await bring([record("i-3")], { publish: true })).toEqual({ added: 0, changed: 1, unchanged: 0 });
    expect(await bring([record("i-3")], { publish: true })).toEqual({ added: 0, changed: 0, unchanged: 1 });
    expect((await stored()).map(({ status }) => status)).toEqual(["draft", "draft", "published", "draft"]);
    // Importing without --publish takes nothing back: what it changes is a draft beside what is live.
    await bring([record("i-3", { body: "newer" })]);
    expect((await stored())[2]).toEqual({ source_id: "i-3", version: 3, status: "draft" });
    const seen = () => admin("select number from app.publication where source_id = 'i-3'");
    expect(await seen()).toEqual([{ number: 1 }]);
    await bring([record("i-3", { body: "newer" })], { publish: true });
    expect(await seen()).toEqual([{ number: 2 }]);
    // What was put away stays so.
    await admin("update app.content set status = 'archived', published_at = null where source_id = 'i-3'");
    expect(await bring([record("i-3", { body: "newest" })], { publish: true })).toMatchObject({
      unchanged: 1,
    });
    expect(await seen()).toEqual([]);
  });

  test("a rehearsal leaves nothing behind: no row, no job, no history, no new generation", async () => {
    const state = () =>
      admin(
        `select (select count(*)::int from app.content) as rows, (select count(*)::int from pgboss.job) as jobs,
           (select count(*)::int from app.history) as history, (select sum(generation)::int from app.generation) as generations`,
      );
    await bring([record("i-rehearsed")], { publish: true });
    const before = await state();
    const records = [record("i-rehearsed", { body: "other" }), record("i-new")];
    for (const publish of [true, false]) {
      expect(await bring(records, { dryRun: true, publish })).toEqual({ added: 1, changed: 1, unchanged: 0 });
    }
    expect(await state()).toEqual(before);
  });

  test("only what was touched is indexed anew, by one job, and an import that changes nothing moves nothing", async () => {
    const jobs = () =>
      admin<{ data: { contentIds: readonly string[] } }>(
        "delete from pgboss.job where name = 'reindex-search' returning data",
      );
    await bring([record("i-a"), record("i-b")], { publish: true });
    await jobs();
    await bring([record("i-a"), record("i-b", { body: "other" })], { publish: true });
    const [touched] = await admin<{ id: string }>(
      "select content_id as id from app.content where source_id = 'i-b' and organization_id = $1",
      [other.id],
    );
    expect((await jobs()).map(({ data }) => data.contentIds)).toEqual([[touched?.id ?? ""]]);
    const generation = () => admin("select * from app.generation order by 1, 2");
    const before = await generation();
    expect(await bring([record("i-a")], { publish: true })).toEqual({ added: 0, changed: 0, unchanged: 1 });
    expect(await jobs()).toEqual([]);
    expect(await generation()).toEqual(before);
  });

  test("ids in any alphabet stay as they are, and their lessons apart; so do titles and ids that read alike together", async () => {
    const ids = ["i-学/1", "i-校/1", "i-Ä b", "i-a b", "i-\u0301", "I-学/1", "i-5-1", "i-5"];
    const records = ids.map((id) => record(id));
    records.push(
      record("5-1", { title: "Chapter", slug: importSlug("Chapter", "5-1") }),
      record("1", { title: "Chapter 5", slug: importSlug("Chapter 5", "1") }),
    );
    expect(await bring(records)).toEqual({ added: records.length, changed: 0, unchanged: 0 });
    expect(await bring(records)).toEqual({ added: 0, changed: 0, unchanged: records.length });
    for (const { sourceId } of records) {
      const { body } = await request<{ items: readonly { sourceId: string }[] }>(
        "GET",
        `/v1/contents?${new URLSearchParams({ sourceId })}`,
        { token: other.token },
      );
      expect(body.items.map((item) => item.sourceId)).toEqual([sourceId]);
    }
  });

  test("two lessons of one batch that want one slug are refused, and the batch leaves nothing", async () => {
    const before = await stored();
    const twice = bring([record("i-x", { slug: "same-slug" }), record("i-y", { slug: "same-slug" })]);
    await expect(twice).rejects.toThrow("content_slug_taken");
    expect(await stored()).toEqual(before);
  });

  test("stores nothing of a batch in which one lesson takes another's slug [row 41] [row 59]", async () => {
    await write({ title: "T", slug: "in-the-way" }, other.token);
    await expect(bring([record("i-7"), record("i-8", { slug: "in-the-way" })])).rejects.toThrow(
      "content_slug_taken",
    );
    expect((await stored()).map(({ source_id }) => source_id)).not.toContain("i-7");
  });

  test("a lesson that was deleted is added anew, and the deleted one stays as it is", async () => {
    await bring([record("i-9")]);
    const [old] = await admin<{ id: string }>(
      "select content_id as id from app.content where source_id = 'i-9'",
    );
    await remove(old?.id ?? "", other.token);
    const before = await row(old?.id ?? "");
    expect(await bring([record("i-9")])).toEqual({ added: 1, changed: 0, unchanged: 0 });
    expect(await row(old?.id ?? "")).toBe(before);
  });
});
