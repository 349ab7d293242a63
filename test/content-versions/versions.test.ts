/** The versions of a lesson over HTTP: listed, read and compared. */
import { afterAll, describe, expect, test } from "bun:test";
import { domain, refusedBy } from "../support/domain.ts";

const statements: string[] = [];
const app = await domain({ db: { onStatement: (name) => statements.push(name) } });
const { it, request, as } = app;
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

interface Version {
  readonly number: number;
  readonly parentNumber: number | null;
  readonly title: string;
  readonly createdById: string | null;
  readonly restoredFromNumber: number | null;
  readonly isLatest: boolean;
  readonly isLive: boolean;
  readonly [field: string]: unknown;
}
interface Page {
  readonly items: readonly Version[];
  readonly nextCursor: string | null;
}
/** What staff write beside what is live. */
const draft = (id: string, set: string, userId = writer.user.id) =>
  as(school.id, `update app.content set status = 'draft', ${set} where content_id = $1`, [id], userId);
const change = (id: string, body: unknown, token = writer.token) =>
  request<{ version: number }>("PATCH", `/v1/contents/${id}`, { token, headers: any, body });
const versionsOf = (id: string, query = "", token = writer.token) =>
  request<Page>("GET", `/v1/contents/${id}/versions${query}`, { token });
const versionOf = (id: string, number: number | string, token = writer.token) =>
  request<Version>("GET", `/v1/contents/${id}/versions/${number}`, { token });
const diffOf = (id: string, number: number | string, query = "", token = writer.token) =>
  request<{ againstNumber: number | null; changes: Record<string, unknown>; type?: string }>(
    "GET",
    `/v1/contents/${id}/versions/${number}/diff${query}`,
    { token },
  );

describe("the list [row 29] [row 107]", () => {
  test("has every text, newest first: who wrote it, what it was made from, which is the latest and which is live", async () => {
    const lesson = await it.content(writer.token, { title: "One" });
    await change(lesson.id, { title: "Two" });
    await it.publish(school.token, lesson.id);
    await draft(lesson.id, "body = 'More.'", school.admin.id);
    // Neither publishing nor a change that is none makes one.
    await change(lesson.id, { body: "More." });
    const { status, body } = await versionsOf(lesson.id);
    expect(status).toBe(200);
    expect(body).toEqual({
      items: [
        {
          number: 3,
          parentNumber: 2,
          title: "Two",
          createdAt: expect.any(String),
          createdById: school.admin.id,
          restoredFromNumber: null,
          isLatest: true,
          isLive: false,
        },
        {
          number: 2,
          parentNumber: 1,
          title: "Two",
          createdAt: expect.any(String),
          createdById: writer.user.id,
          restoredFromNumber: null,
          isLatest: false,
          isLive: true,
        },
        {
          number: 1,
          parentNumber: null,
          title: "One",
          createdAt: expect.any(String),
          createdById: writer.user.id,
          restoredFromNumber: null,
          isLatest: false,
          isLive: false,
        },
      ],
      nextCursor: null,
    });
  });

  test.each([1, 3, 7, 100])(
    "pages of %d cover each version once, also while others are written [row 56]",
    async (limit) => {
      const lesson = await it.content(writer.token);
      for (let n = 2; n <= 7; n++) await change(lesson.id, { title: `T${n}` });
      const numbers: number[] = [];
      for (let cursor: string | null = ""; cursor !== null; ) {
        const more: string = cursor === "" ? "" : `&cursor=${cursor}`;
        const { body } = await versionsOf(lesson.id, `?limit=${limit}${more}`);
        numbers.push(...body.items.map(({ number }) => number));
        if (cursor === "") await change(lesson.id, { title: "Written meanwhile" });
        cursor = body.nextCursor;
      }
      expect(numbers).toEqual([7, 6, 5, 4, 3, 2, 1]);
    },
  );

  test("a page costs the same number of queries, however many it has [row 67]", async () => {
    const lesson = await it.content(writer.token);
    for (let n = 0; n < 30; n++) await change(lesson.id, { title: `T${n}` });
    const costs: number[] = [];
    for (const limit of [1, 30]) {
      statements.length = 0;
      expect((await versionsOf(lesson.id, `?limit=${limit}`)).body.items).toHaveLength(limit);
      costs.push(statements.filter((name) => name.startsWith("content")).length);
    }
    expect(costs).toEqual([2, 2]);
  });

  test("a cursor is of this list alone", async () => {
    const [one, two] = [await it.content(writer.token), await it.content(writer.token)];
    await change(one.id, { title: "Again" });
    const { nextCursor } = (await versionsOf(one.id, "?limit=1")).body;
    expect((await versionsOf(two.id, `?limit=1&cursor=${nextCursor}`)).status).toBe(422);
    expect((await versionsOf(one.id, "?limit=1&sort=number")).status).toBe(422);
  });
});

describe("one version [row 107]", () => {
  const first = {
    title: "Ácidos — 酸と塩基 🧪",
    description: "One",
    body: "# One\r\n\r\nText.",
    contentType: "tutorial",
    difficultyLevel: "expert",
    language: "es",
    tags: ["a", "b"],
    prerequisites: ["p"],
    learningObjectives: ["o"],
    metadata: { z: 1, a: { "10": [null, "x"] } },
    settings: { show: false },
    estimatedDurationMinutes: 45,
  };

  test("is whole, and stays what it was whatever becomes of the lesson [row 27] [row 28]", async () => {
    const lesson = await it.content(writer.token, first);
    const before = await versionOf(lesson.id, 1);
    expect(before.status).toBe(200);
    expect(before.body).toMatchObject({
      ...first,
      contentId: lesson.id,
      slug: lesson.slug,
      number: 1,
      isLatest: true,
    });
    expect(JSON.stringify(before.body.metadata)).toBe(JSON.stringify(first.metadata));
    await change(lesson.id, {
      title: "Two",
      slug: `${lesson.slug}-two`,
      description: "",
      body: "",
      contentType: "quiz",
      difficultyLevel: "beginner",
      language: "en",
      tags: [],
      prerequisites: [],
      learningObjectives: [],
      metadata: {},
      settings: {},
      estimatedDurationMinutes: null,
    });
    expect((await versionOf(lesson.id, 1)).body).toEqual({ ...before.body, isLatest: false });
    expect((await versionOf(lesson.id, 2)).body).toMatchObject({ title: "Two", number: 2, parentNumber: 1 });
  });

  test("may have the title and the slug of another lesson, which its own versions once had [row 24]", async () => {
    const one = await it.content(writer.token, { title: "Loops" });
    await change(one.id, { slug: `${one.slug}-old` });
    const two = await it.content(writer.token, { title: "Loops", slug: one.slug });
    expect((await versionOf(one.id, 1)).body).toMatchObject({ title: "Loops", slug: one.slug });
    expect((await versionOf(two.id, 1)).body).toMatchObject({ title: "Loops", slug: one.slug });
    // And of two lessons that are there at once, only one has it.
    expect((await change(one.id, { slug: one.slug })).status).toBe(409);
    expect((await versionsOf(one.id)).body.items).toHaveLength(2);
  });

  test.each(["0", "-1", "3", "x", "1.5", "2147483648", "99999999999999999999", "latest"])(
    "%s is none",
    async (number) => {
      const lesson = await it.content(writer.token);
      await change(lesson.id, { title: "Two" });
      for (const path of ["", "/diff"]) {
        const { status } = await request("GET", `/v1/contents/${lesson.id}/versions/${number}${path}`, {
          token: writer.token,
        });
        expect(status).toBe(404);
      }
    },
  );

  test("nobody changes or removes one, adds one, or makes another the latest [row 29]", async () => {
    const lesson = await it.content(writer.token);
    const stored = () =>
      admin("select v::text from app.content_version v where content_id = $1", [lesson.id]);
    const before = await stored();
    for (const text of [
      "update app.content_version set body = 'forged'",
      "update app.content_version set created_by_id = null",
      "delete from app.content_version",
      "truncate app.content_version",
      `insert into app.content_version select * from app.content_version limit 0`,
    ]) {
      expect((await refusedBy(as(school.id, text)))?.code).toBe("42501");
    }
    // The numbers are the trigger's: an update that names them has said nothing.
    await as(school.id, "update app.content set latest_number = 9, live_number = 9 where content_id = $1", [
      lesson.id,
    ]);
    expect((await versionsOf(lesson.id)).body.items).toMatchObject([
      { number: 1, isLatest: true, isLive: false },
    ]);
    expect(await stored()).toEqual(before);
  });
});

describe("the difference [row 107]", () => {
  test("tells of each field what kind of change it is, and nothing of those that are equal", async () => {
    const lesson = await it.content(writer.token, {
      title: "While loops",
      body: "One.\nTwo words here.\nThree.\n",
      tags: ["a", "b", "c"],
      prerequisites: ["x", "y"],
      metadata: { chapter: 5, list: [1, 2], "a/b": true },
      estimatedDurationMinutes: 10,
    });
    await change(lesson.id, {
      title: "For loops",
      body: "One.\nTwo other words here.\nThree.\n",
      tags: ["a", "c", "d"],
      prerequisites: ["y", "x"],
      metadata: { chapter: 6, list: [1], note: null },
      estimatedDurationMinutes: null,
    });
    const { status, body } = await diffOf(lesson.id, 2);
    expect(status).toBe(200);
    expect(body).toEqual({
      contentId: lesson.id,
      number: 2,
      againstNumber: 1,
      changes: {
        title: { before: "While loops", after: "For loops" },
        estimatedDurationMinutes: { before: 10, after: null },
        tags: { added: ["d"], removed: ["b"], reordered: false },
        prerequisites: { added: [], removed: [], reordered: true },
        body: {
          kind: "hunks",
          hunks: [
            {
              beforeStart: 1,
              beforeLines: 3,
              afterStart: 1,
              afterLines: 3,
              lines: [
                { change: "none", text: "One.\n", words: null },
                {
                  change: "removed",
                  text: "Two words here.\n",
                  words: [{ text: "Two words here.\n", changed: false }],
                },
                {
                  change: "added",
                  text: "Two other words here.\n",
                  words: [
                    { text: "Two ", changed: false },
                    { text: "other ", changed: true },
                    { text: "words here.\n", changed: false },
                  ],
                },
                { change: "none", text: "Three.\n", words: null },
              ],
            },
          ],
        },
        metadata: [
          { pointer: "/chapter", before: 5, after: 6 },
          { pointer: "/list/1", before: 2 },
          { pointer: "/a~1b", before: true },
          { pointer: "/note", after: null },
        ],
      },
    } as never);
    expect((await diffOf(lesson.id, 2, "?format=unified")).body.changes.body).toEqual({
      kind: "unified",
      text: "@@ -1,3 +1,3 @@\n One.\n-Two words here.\n+Two other words here.\n Three.\n",
    });
  });

  test("is against the parent, a number, what is live, or the latest", async () => {
    const lesson = await it.content(writer.token, { title: "T1" });
    await change(lesson.id, { title: "T2" });
    expect((await diffOf(lesson.id, 2, "?against=live")).status).toBe(404);
    await it.publish(school.token, lesson.id);
    await draft(lesson.id, "title = 'T3'");
    await change(lesson.id, { title: "T4" });
    const title = async (number: number, query: string) => {
      const { body } = await diffOf(lesson.id, number, query);
      return [body.againstNumber, body.changes.title];
    };
    const from = (before: string, after: string) => ({ before, after });
    expect(await title(4, "")).toEqual([3, from("T3", "T4")]);
    expect(await title(4, "?against=parent")).toEqual([3, from("T3", "T4")]);
    expect(await title(4, "?against=1")).toEqual([1, from("T1", "T4")]);
    expect(await title(1, "?against=4")).toEqual([4, from("T4", "T1")]);
    expect(await title(4, "?against=live")).toEqual([2, from("T2", "T4")]);
    expect(await title(3, "?against=latest")).toEqual([4, from("T4", "T3")]);
    expect(await title(4, "?against=4")).toEqual([4, undefined]);
    expect((await diffOf(lesson.id, 4, "?against=5")).status).toBe(404);
    for (const bad of ["0", "-1", "01", "next", "", "1e3", "9999999999"]) {
      expect((await diffOf(lesson.id, 4, `?against=${bad}`)).status).toBe(422);
    }
    expect((await diffOf(lesson.id, 4, "?format=html")).status).toBe(422);
  });

  test("of the first version is all that was written", async () => {
    const lesson = await it.content(writer.token, {
      title: "New",
      body: "Text.",
      tags: ["a"],
      metadata: { b: 1 },
    });
    expect((await diffOf(lesson.id, 1)).body).toMatchObject({
      againstNumber: null,
      changes: {
        title: { before: null, after: "New" },
        contentType: { before: null, after: "lesson" },
        tags: { added: ["a"], removed: [], reordered: false },
        body: { kind: "hunks", hunks: [{ beforeLines: 0, afterLines: 1 }] },
        metadata: [{ pointer: "/b", after: 1 }],
      },
    });
    expect(Object.keys((await diffOf(lesson.id, 1)).body.changes)).not.toContain("estimatedDurationMinutes");
  });

  test("of two bodies of four megabytes says that all was replaced, and others are served meanwhile", async () => {
    const lesson = await it.content(writer.token);
    const fill = (word: string) =>
      as(
        school.id,
        `update app.content set body =
           (select string_agg(md5(i::text || $2) || ' ' || md5($2 || i::text), E'\\n') from generate_series(1, 63000) i)
         where content_id = $1`,
        [lesson.id, word],
        writer.user.id,
      );
    await fill("a");
    await fill("b");
    let longest = 0;
    let last = performance.now();
    const watch = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const { body } = await diffOf(lesson.id, 3);
    clearInterval(watch);
    const [{ bytes } = { bytes: 0 }] = await admin<{ bytes: number }>(
      "select octet_length(body) as bytes from app.content where content_id = $1",
      [lesson.id],
    );
    expect(bytes).toBeGreaterThan(4_000_000);
    expect(body.changes).toEqual({ body: { kind: "replaced", beforeBytes: bytes, afterBytes: bytes } });
    // Measured: 40 ms, most of it reading the two texts from the database. The bound is for a busy machine.
    expect(longest).toBeLessThan(1000);
    expect((await diffOf(lesson.id, 3, "?format=unified")).body.changes.body).toMatchObject({
      kind: "replaced",
    });
  });
});

describe("a hundred writers at once [row 29] [row 107]", () => {
  test("make versions 1 to 101 without a gap or a double, each from the one before, and one is the latest", async () => {
    const lesson = await it.content(writer.token, { title: "T0" });
    const writers = [writer.token, school.token];
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, at) => change(lesson.id, { title: `T${at + 1}` }, writers[at % 2])),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 200));
    const { items, nextCursor } = (await versionsOf(lesson.id, "?limit=100")).body;
    const rest = (await versionsOf(lesson.id, `?limit=100&cursor=${nextCursor}`)).body;
    const versions = [...items, ...rest.items].reverse();
    expect(versions.map((version) => version.number)).toEqual(Array.from({ length: 101 }, (_, at) => at + 1));
    expect(versions.map((version) => version.parentNumber)).toEqual([
      null,
      ...Array.from({ length: 100 }, (_, at) => at + 1),
    ]);
    expect(new Set(versions.map((version) => version.title)).size).toBe(101);
    expect(versions.filter((version) => version.isLatest).map((version) => version.number)).toEqual([101]);
    // In the order of their numbers in time, and each by who wrote it.
    const times = versions.map((version) => String(version.createdAt));
    expect(times).toEqual([...times].sort());
    for (const version of versions.slice(1)) {
      const by = Number(version.title.slice(1)) % 2 === 1 ? writer.user.id : school.admin.id;
      expect(version.createdById).toBe(by);
    }
    // Each version is the one that the answer to its writer showed.
    const [current] = await admin<{ title: string; latest: number }>(
      "select title, latest_number as latest from app.content where content_id = $1",
      [lesson.id],
    );
    expect(current).toEqual({ title: versions.at(-1)?.title ?? "", latest: 101 });
  });
});

describe("who may [row 45] [row 107]", () => {
  test("staff of the organization read and compare whosever versions; readers none, and strangers know of none", async () => {
    const lesson = await it.published(writer.token);
    await draft(lesson.id, "title = 'A draft beside it'");
    const paths = ["", "/1", "/2", "/1/diff", "/2/diff?against=live"].map(
      (path) => `/v1/contents/${lesson.id}/versions${path}`,
    );
    for (const path of paths) {
      const statuses = async (...tokens: (string | null)[]) =>
        Promise.all(tokens.map(async (token) => (await request("GET", path, { token })).status));
      expect(await statuses(writer.token, colleague.token, school.token)).toEqual([200, 200, 200]);
      expect(await statuses(pupil.token, parent.token, null)).toEqual([403, 403, 401]);
      const [theirs, nowhere] = [
        await request("GET", path, { token: other.token }),
        await request("GET", path.replace(lesson.id, Bun.randomUUIDv7()), { token: other.token }),
      ];
      expect(theirs.status).toBe(404);
      expect({ ...theirs.body, instance: "" }).toEqual({ ...nowhere.body, instance: "" });
    }
    expect(
      await as(other.id, "select 1 from app.content_version where content_id = $1", [lesson.id]),
    ).toEqual([]);
  });

  test("a deleted lesson has none until it is restored", async () => {
    const lesson = await it.content(writer.token);
    await request("DELETE", `/v1/contents/${lesson.id}`, { token: writer.token });
    for (const path of ["", "/1", "/1/diff"]) {
      const { status } = await request("GET", `/v1/contents/${lesson.id}/versions${path}`, {
        token: school.token,
      });
      expect(status).toBe(404);
    }
    await request("POST", `/v1/contents/${lesson.id}/restore`, { token: writer.token });
    expect((await versionsOf(lesson.id)).body.items).toHaveLength(1);
  });
});
