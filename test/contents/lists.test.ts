/** Lists of lessons, and what is cached of one. */
import { afterAll, describe, expect, test } from "bun:test";
import { domain } from "../support/domain.ts";

const statements: string[] = [];
const app = await domain({ db: { onStatement: (name) => statements.push(name) } });
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [teacher, pupil] = [await it.member(school, "teacher"), await it.member(school)];

interface Page {
  readonly items: readonly { readonly id: string; readonly title: string }[];
  readonly nextCursor: string | null;
}

// 60 lessons of every sort in one organization, 30 in another, some of each deleted.
for (const [id, count] of [
  [school.id, 60],
  [other.id, 30],
] as const) {
  await admin(
    `insert into app.content (organization_id, title, slug, source_id, content_type, difficulty_level, language, tags, status, published_at, deleted_at, deletion_id)
     select $1, 'Lesson ' || i, 'lesson-' || i, 's-' || i,
       (array['lesson', 'quiz', 'project'])[1 + i % 3], (array['beginner', 'expert'])[1 + i % 2], (array['en', 'es'])[1 + i / 30 % 2],
       case when i % 4 = 0 then array['loops', 'a,b'] else array['trees'] end,
       (array['draft', 'published', 'published', 'archived'])[1 + i % 4],
       case when i % 4 in (1, 2) then now() end,
       case when i % 10 = 0 then now() end, case when i % 10 = 0 then app.uuidv7() end
     from generate_series(1, $2) i`,
    [id, count],
  );
}
const expected = async (condition: string) =>
  (
    await admin<{ id: string }>(
      `select content_id as id from app.content where organization_id = $1 and (${condition}) order by content_id desc`,
      [school.id],
    )
  ).map(({ id }) => id);

async function all(query: string, limit: number, token = teacher.token): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const more: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await request<Page>("GET", `/v1/contents?limit=${limit}${query}${more}`, { token });
    expect(answer.status).toBe(200);
    expect(answer.body.items.length).toBeGreaterThan(ids.length === 0 ? -1 : 0);
    ids.push(...answer.body.items.map(({ id }) => id));
    cursor = answer.body.nextCursor;
  } while (cursor !== null);
  return ids;
}

describe("lists", () => {
  test.each([1, 6, 9, 54, 100])(
    "pages of %d cover every live lesson once, newest first, and no stranger's [row 56]",
    async (limit) => {
      expect(await all("", limit)).toEqual(await expected("deleted_at is null"));
    },
  );

  test("who is no staff is shown what is published, whatever they ask for [row 55]", async () => {
    const published = await expected("deleted_at is null and status = 'published'");
    expect(await all("", 7, pupil.token)).toEqual(published);
    expect(await all("&status=draft", 7, pupil.token)).toEqual([]);
    expect(await all("&status=published", 7, pupil.token)).toEqual(published);
    expect((await request("GET", "/v1/contents?includeDeleted=true", { token: pupil.token })).status).toBe(
      403,
    );
    expect((await request("GET", "/v1/contents?includeDeleted=true", { token: teacher.token })).status).toBe(
      403,
    );
  });

  test.each([
    ["status=draft", "status = 'draft'"],
    ["contentType=quiz", "content_type = 'quiz'"],
    ["difficultyLevel=expert", "difficulty_level = 'expert'"],
    ["language=es", "language = 'es'"],
    ["language=Spanish", "language = 'es'"],
    ["tag=loops", "'loops' = any(tags)"],
    ["tag=a,b", "'a,b' = any(tags)"],
    ["tag=loop", "false"],
    ["slug=lesson-7", "slug = 'lesson-7'"],
    ["sourceId=s-8", "source_id = 's-8'"],
    ["sourceId=s-10", "false"],
    [
      "status=published&contentType=quiz&language=en",
      "status = 'published' and content_type = 'quiz' and language = 'en'",
    ],
  ])("?%s gives exactly those [row 57] [row 64] [row 65]", async (query, condition) => {
    expect(await all(`&${query}`, 7)).toEqual(await expected(`deleted_at is null and (${condition})`));
  });

  test("an admin is shown the deleted as well when asking [row 55]", async () => {
    expect(await all("&includeDeleted=true", 13, school.token)).toEqual(await expected("true"));
    expect(await all("&includeDeleted=true&sourceId=s-10", 13, school.token)).toEqual(
      await expected("source_id = 's-10'"),
    );
  });

  test("no body and no document is in a list, and a list takes as many queries as one row [row 67]", async () => {
    const { body } = await request<Page>("GET", "/v1/contents?limit=1", { token: teacher.token });
    for (const field of ["body", "metadata", "settings"])
      expect(Object.keys(body.items[0] ?? {})).not.toContain(field);
    const count = async (limit: number) => {
      statements.length = 0;
      await request("GET", `/v1/contents?limit=${limit}`, { token: teacher.token });
      // Of the lessons alone: who asks was seen lately or not.
      return statements.filter((name) => name.startsWith("content-reading/")).length;
    };
    // Which ones, and what is shown of them.
    expect([await count(50), await count(1)]).toEqual([2, 2]);
  });

  test("what is written while somebody pages shifts nothing [row 56]", async () => {
    const before = await expected("deleted_at is null");
    const first = await request<Page>("GET", "/v1/contents?limit=10", { token: teacher.token });
    await it.content(teacher.token);
    const second = await request<Page>("GET", `/v1/contents?limit=10&cursor=${first.body.nextCursor}`, {
      token: teacher.token,
    });
    expect(second.body.items.map(({ id }) => id)).toEqual(before.slice(10, 20));
  });

  test("an unknown filter, an unknown value, one given twice: refused [row 64]", async () => {
    for (const query of [
      "title=x",
      "status=gone",
      "contentType=",
      "tag=",
      "slug=A",
      "status=draft&status=draft",
      "language=e",
      "cursor=x",
    ]) {
      expect((await request("GET", `/v1/contents?${query}`, { token: teacher.token })).status).toBe(422);
    }
  });
});

describe("what is cached [row 81] [row 84] [row 86]", () => {
  const title = async (id: string, token: string) =>
    (await request<{ title?: string }>("GET", `/v1/contents/${id}`, { token })).body.title;
  const finds = () =>
    statements.filter((name) => ["contents/find_content", "contents/find_publication"].includes(name)).length;
  /** Writes another title and shows it to readers. */
  const retitle = async (id: string, to: string) => {
    const headers = { "if-match": "*" };
    const path = `/v1/contents/${id}`;
    const { status } = await request("PATCH", path, { token: teacher.token, headers, body: { title: to } });
    const published = await request("POST", `${path}/publish`, { token: teacher.token });
    expect([status, published.status]).toEqual([200, 200]);
  };

  test("a lesson is loaded once for all who see the same, until something changes", async () => {
    const lesson = await it.published(teacher.token);
    statements.length = 0;
    for (let n = 0; n < 5; n++) await title(lesson.id, teacher.token);
    expect(finds()).toBe(1);
    for (let n = 0; n < 5; n++) await title(lesson.id, school.token);
    expect(finds()).toBe(1);
    for (let n = 0; n < 5; n++) await title(lesson.id, pupil.token);
    // The pupils' view is another one.
    expect(finds()).toBe(2);
  });

  test("a write that was answered is seen by the next read, whoever reads", async () => {
    const lesson = await it.published(teacher.token);
    for (let n = 0; n < 25; n++) {
      await Promise.all([title(lesson.id, teacher.token), title(lesson.id, pupil.token)]);
      await retitle(lesson.id, `T${n}`);
      expect(await Promise.all([title(lesson.id, teacher.token), title(lesson.id, pupil.token)])).toEqual([
        `T${n}`,
        `T${n}`,
      ]);
    }
  });

  test("readers against a writer never see a title older than one that was answered before they asked", async () => {
    const lesson = await it.published(teacher.token, { title: "T0" });
    let answered = 0;
    let writing = true;
    const reader = async (token: string) => {
      let reads = 0;
      while (writing) {
        const least = answered;
        const seen = Number((await title(lesson.id, token))?.slice(1));
        expect(seen).toBeGreaterThanOrEqual(least);
        reads++;
      }
      return reads;
    };
    const readers = [teacher, teacher, pupil, pupil].map(({ token }) => reader(token));
    for (let n = 1; n <= 60; n++) {
      await retitle(lesson.id, `T${n}`);
      answered = n;
    }
    writing = false;
    for (const reads of await Promise.all(readers)) expect(reads).toBeGreaterThan(5);
  });

  test("what is withdrawn is gone for pupils at once, though staff have just read it, and comes back at once", async () => {
    const lesson = await it.published(teacher.token);
    const status = async (token: string) =>
      (await request("GET", `/v1/contents/${lesson.id}`, { token })).status;
    const act = (method: string, action: string) =>
      request(method, `/v1/contents/${lesson.id}${action}`, { token: teacher.token });
    const both = async () => [await status(teacher.token), await status(pupil.token)];
    expect(await both()).toEqual([200, 200]);
    await act("POST", "/unpublish");
    expect(await both()).toEqual([200, 404]);
    await act("POST", "/publish");
    expect(await both()).toEqual([200, 200]);
    await act("DELETE", "");
    expect(await both()).toEqual([404, 404]);
    await act("POST", "/restore");
    expect(await both()).toEqual([200, 200]);
  });

  test("a lesson that is not there is not there a thousand times, and there once it is restored elsewhere", async () => {
    const lesson = await it.content(teacher.token);
    for (let n = 0; n < 3; n++)
      expect((await request("GET", `/v1/contents/${lesson.id}`, { token: other.token })).status).toBe(404);
    expect((await request("GET", `/v1/contents/${lesson.id}`, { token: teacher.token })).status).toBe(200);
  });

  test("an unchanged lesson is not sent again, a changed one is", async () => {
    const lesson = await it.published(teacher.token);
    const ask = (etag: string) =>
      request("GET", `/v1/contents/${lesson.id}`, { token: pupil.token, headers: { "if-none-match": etag } });
    expect((await ask('"2"')).status).toBe(304);
    expect((await ask('W/"2"')).status).toBe(304);
    await request("PATCH", `/v1/contents/${lesson.id}`, {
      token: teacher.token,
      headers: { "if-match": "*" },
      body: { title: "New" },
    });
    // The draft is none of theirs.
    expect((await ask('"2"')).status).toBe(304);
    await request("POST", `/v1/contents/${lesson.id}/publish`, { token: teacher.token });
    expect((await ask('"2"')).status).toBe(200);
    expect((await ask('"4"')).status).toBe(304);
  });
});
