/** Lists of lessons: every filter in every order, on and back again, and nothing that is not for who asks. */
import { afterAll, describe, expect, test } from "bun:test";
import { CONTENT_ORDERS } from "../../src/content-reading/content-reading.ts";
import { domain } from "../support/domain.ts";
import { unlisted } from "./support.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [teacher, colleague, pupil] = [
  await it.member(school, "teacher"),
  await it.member(school, "teacher"),
  await it.member(school),
];
const stranger = await it.member(other, "teacher");

interface Listed {
  readonly items: readonly (Readonly<Record<string, unknown>> & { readonly id: string })[];
  readonly nextCursor: string | null;
  readonly previousCursor: string | null;
  readonly total?: number;
}

// Twelve written at one moment each time, many of them called alike: ties in every order. One in seven that readers see has
// been changed since, and its draft has another title, other tags and another level.
for (const [id, count, authors] of [
  [school.id, 96, [teacher.user.id, colleague.user.id]],
  [other.id, 36, [stranger.user.id, stranger.user.id]],
] as const) {
  for (let n = 0; n < count; n += 12) {
    await admin(
      `insert into app.content
         (organization_id, title, slug, source_id, content_type, difficulty_level, language, tags, status, published_at,
          created_at, updated_at, created_by_id, deleted_at, deletion_id)
       select $1, (array['Ébauche', 'ebauche', 'Zebra', 'apple', '山', ''''])[1 + i % 6] || case when i % 5 = 0 then i::text else '' end,
         'lesson-' || i, case when i % 3 > 0 then 's-' || i end,
         (array['lesson', 'quiz', 'project'])[1 + i % 3], (array['beginner', 'expert'])[1 + i % 2],
         (array['en', 'es', 'eu'])[1 + i / 30 % 3],
         case when i % 4 = 0 then array['loops', 'a,b'] when i % 4 = 1 then array['trees', 'loops'] else '{}' end,
         s.status, case when s.status = 'published' then now() - interval '1 day' * (i % 9) end,
         now() - interval '1 hour' * (i / 12 * 7 % 5), now() - interval '1 hour' * (i % 5), case when i % 8 > 0 then ($4::text[]::uuid[])[1 + i % 2] end,
         case when i % 10 = 0 then now() end, case when i % 10 = 0 then app.uuidv7() end
       from generate_series($2::int, $3::int) i
       cross join lateral (select (array['draft', 'published', 'published', 'archived', 'pending_review'])[1 + i % 5] as status) s`,
      [id, n, n + 11, `{${authors.join(",")}}`],
    );
  }
  await admin(
    `update app.content
     set title = 'Secret draft of ' || title, tags = array['hidden'], difficulty_level = 'advanced', status = 'draft'
     where organization_id = $1 and status = 'published' and substr(slug, 8)::int % 7 = 1`,
    [id],
  );
}

/** The ids that a condition leaves, in an order: read from the lessons, not from what lists are made of. */
async function expected(table: "content" | "publication", condition: string, order: string) {
  const direction = order.startsWith("-") ? "desc" : "asc";
  const by = {
    createdAt: "created_at",
    updatedAt: "updated_at",
    publishedAt: "coalesce(published_at, 'epoch')",
    title: `left(app.fold(title), 100) collate "C"`,
  }[order.replace("-", "")];
  const rows = await admin<{ id: string }>(
    `select content_id as id from app.${table} where organization_id = $1 and (${condition})
     order by ${by} ${direction}, content_id ${direction}`,
    [school.id],
  );
  return rows.map(({ id }) => id);
}

const get = (query: string, token: string) => request<Listed>("GET", `/v1/contents?${query}`, { token });

/** Follows a list to its end and back to its beginning, which must show the same pages. Gives the ids. */
async function walk(query: string, limit: number, token: string): Promise<string[]> {
  const pages: string[][] = [];
  let answer = await get(`${query}&limit=${limit}`, token);
  for (;;) {
    expect(answer.status).toBe(200);
    pages.push(answer.body.items.map(({ id }) => id));
    const { nextCursor } = answer.body;
    if (nextCursor === null) break;
    expect(answer.body.items).toHaveLength(limit);
    answer = await get(`${query}&limit=${limit}&cursor=${nextCursor}`, token);
  }
  expect(pages.slice(1).every((page) => page.length > 0)).toBe(true);
  for (let back = pages.length - 2; back >= 0; back--) {
    const { previousCursor } = answer.body;
    expect(previousCursor).not.toBeNull();
    answer = await get(`${query}&limit=${limit}&cursor=${previousCursor}`, token);
    expect(answer.body.items.map(({ id }) => id)).toEqual(pages[back] ?? []);
    expect(answer.body.nextCursor).not.toBeNull();
  }
  expect(answer.body.previousCursor).toBeNull();
  return pages.flat();
}

const HOUR = 3_600_000;
const AGO = (hours: number) => new Date(Date.now() - hours * HOUR - HOUR / 2).toISOString();
const FILTERS: readonly (readonly [query: string, condition: string])[] = [
  ["", "true"],
  ["status=draft", "status = 'draft'"],
  ["status=draft,archived", "status in ('draft', 'archived')"],
  ["contentType=quiz", "content_type = 'quiz'"],
  [
    "contentType=quiz,project&difficultyLevel=expert",
    "content_type <> 'lesson' and difficulty_level = 'expert'",
  ],
  ["language=es,Basque", "language in ('es', 'eu')"],
  ["tag=loops", "'loops' = any(tags)"],
  ["tag=a,b", "'a,b' = any(tags)"],
  ["allTags=loops,trees", "tags @> array['loops', 'trees']"],
  ["anyTags=trees,nothing", "tags && array['trees', 'nothing']"],
  ["tag=a,b&allTags=loops&anyTags=loops,x", "tags @> array['a,b', 'loops']"],
  ["tag=hidden", "'hidden' = any(tags)"],
  [`createdById=${teacher.user.id}`, `created_by_id = '${teacher.user.id}'`],
  [`createdById=${teacher.user.id},${colleague.user.id}`, "created_by_id is not null"],
  [`createdById=${stranger.user.id}`, "false"],
  ["hasAuthor=false", "created_by_id is null"],
  ["hasAuthor=true", "created_by_id is not null"],
  ["sourceId=s-7", "source_id = 's-7'"],
  ["hasSourceId=false", "source_id is null"],
  ["hasSourceId=true&status=published", "source_id is not null and status = 'published'"],
  ["slug=lesson-11", "slug = 'lesson-11'"],
  [`createdFrom=${AGO(2)}`, `created_at >= '${AGO(2)}'`],
  [`createdBefore=${AGO(2)}`, `created_at < '${AGO(2)}'`],
  [`createdFrom=${AGO(3)}&createdBefore=${AGO(1)}`, `created_at >= '${AGO(3)}' and created_at < '${AGO(1)}'`],
  [`updatedFrom=${AGO(2)}`, `updated_at >= '${AGO(2)}'`],
  [`updatedBefore=${AGO(2)}`, `updated_at < '${AGO(2)}'`],
  [`publishedFrom=${AGO(60)}`, `published_at >= '${AGO(60)}'`],
  [`publishedBefore=${AGO(60)}`, `published_at < '${AGO(60)}'`],
];

describe("every filter in every order", () => {
  for (const order of CONTENT_ORDERS) {
    test(`order=${order}: staff see each lesson once, on the way there and back [row 56] [row 64] [row 108]`, async () => {
      for (const [query, condition] of FILTERS) {
        const ids = await expected("content", `deleted_at is null and (${condition})`, order);
        expect([query, await walk(`order=${order}&${query}`, 9, teacher.token)]).toEqual([query, ids]);
      }
    });

    test(`order=${order}: readers see what is published, as it was published [row 55] [row 64]`, async () => {
      for (const [query, condition] of FILTERS) {
        const seen = condition
          .replaceAll("status = 'draft'", "false")
          .replaceAll("status in ('draft', 'archived')", "false")
          .replaceAll("status = 'published'", "true");
        const ids = await expected("publication", `deleted_at is null and (${seen})`, order);
        expect([query, await walk(`order=${order}&${query}`, 9, pupil.token)]).toEqual([query, ids]);
      }
    });

    test(`order=${order}: an admin who asks sees the deleted among the others [row 55]`, async () => {
      for (const [query, condition] of FILTERS.slice(0, 8)) {
        const ids = await expected("content", condition, order);
        const asked = `order=${order}&includeDeleted=true&${query}`;
        expect([query, await walk(asked, 9, school.token)]).toEqual([query, ids]);
      }
    });
  }

  test("without an order the newest comes first", async () => {
    const ids = await expected("content", "deleted_at is null", "-createdAt");
    expect(await walk("", 100, teacher.token)).toEqual(ids);
  });

  test("the filters leave something to look at, and something out", async () => {
    const all = await expected("content", "deleted_at is null", "title");
    const left = await Promise.all(
      FILTERS.slice(1).map(
        async ([, condition]) =>
          (await expected("content", `deleted_at is null and (${condition})`, "title")).length,
      ),
    );
    expect(left.every((count) => count < all.length)).toBe(true);
    expect(left.filter((count) => count === 0)).toHaveLength(1);
  });
});

describe("cursors", () => {
  test("lead both ways by Link as well [row 108]", async () => {
    const first = await get("limit=5&order=title", teacher.token);
    expect(first.headers.get("link")).toMatch(/^<[^>]+>; rel="next"$/);
    const second = await get(`limit=5&order=title&cursor=${first.body.nextCursor}`, teacher.token);
    const [next, previous] = second.headers.get("link")?.split(", ") ?? [];
    expect(next).toMatch(/rel="next"$/);
    const back = /^<([^>]+)>; rel="prev"$/.exec(previous ?? "")?.[1] ?? "";
    const again = await request<Listed>("GET", back, { token: teacher.token });
    expect(again.body.items).toEqual(first.body.items);
  });

  test("hold for their list alone: another order, filter, role or organization is refused [row 56]", async () => {
    const { nextCursor } = (await get("limit=5&order=title&status=draft", teacher.token)).body;
    const cursor = `cursor=${nextCursor}`;
    for (const [query, token] of [
      [`order=-title&status=draft&${cursor}`, teacher.token],
      [`status=draft&${cursor}`, teacher.token],
      [`order=title&${cursor}`, teacher.token],
      [`order=title&status=draft,archived&${cursor}`, teacher.token],
      [`order=title&status=draft&includeDeleted=false&${cursor}`, teacher.token],
      [`order=title&status=draft&${cursor}`, pupil.token],
      [`order=title&status=draft&${cursor}`, stranger.token],
    ] as const) {
      const { status, body } = await get(query, token);
      expect([query, status, (body as unknown as { type: string }).type]).toEqual([
        query,
        422,
        "urn:satchel:problem:invalid_cursor",
      ]);
    }
    for (const query of ["limit=7", "fields=title", "include=author", "total=true"]) {
      const asked = `order=title&status=draft&${query}&${cursor}`;
      expect([query, (await get(asked, colleague.token)).status]).toEqual([query, 200]);
    }
  });

  test("what is written while somebody pages shifts nothing, on or back [row 56]", async () => {
    const ids = await expected("content", "deleted_at is null", "-createdAt");
    const first = await get("limit=10", teacher.token);
    await it.content(teacher.token);
    const second = await get(`limit=10&cursor=${first.body.nextCursor}`, teacher.token);
    expect(second.body.items.map(({ id }) => id)).toEqual(ids.slice(10, 20));
    const back = await get(`limit=10&cursor=${second.body.previousCursor}`, teacher.token);
    expect(back.body.items.map(({ id }) => id)).toEqual(ids.slice(0, 10));
    // Now there is something before what was first.
    expect(back.body.previousCursor).not.toBeNull();
  });

  test("lead on where the lesson they were made at is gone, or was changed [row 56]", async () => {
    const ids = await expected("content", "deleted_at is null", "-updatedAt");
    const first = await get("limit=4&order=-updatedAt", school.token);
    await request("DELETE", `/v1/contents/${ids[3]}`, { token: school.token });
    const second = await get(`limit=4&order=-updatedAt&cursor=${first.body.nextCursor}`, school.token);
    expect(second.body.items.map(({ id }) => id)).toEqual(ids.slice(4, 8));
  });
});

describe("what is shown of a lesson", () => {
  const NAMES = ["id", "title", "slug", "description", "status", "tags", "createdAt", "deletedAt"] as const;

  test.each(NAMES)("fields=%s gives that, the id and the version [row 108]", async (name) => {
    const { body } = await get(`limit=3&fields=${name}`, teacher.token);
    const [whole] = (await get("limit=3", teacher.token)).body.items;
    expect(body.items).toHaveLength(3);
    for (const item of body.items)
      expect(Object.keys(item).sort()).toEqual([...new Set(["id", "version", name])].sort());
    expect(body.items[0]?.[name]).toEqual(whole?.[name]);
  });

  test("a lesson that is read is cut down in the same way, and has its version as ETag [row 108]", async () => {
    const lesson = await it.content(teacher.token, { body: "*x*", metadata: { b: 1, a: 2 } });
    const read = (query: string, headers = {}) =>
      request("GET", `/v1/contents/${lesson.id}?${query}`, { token: teacher.token, headers });
    const cut = await read("fields=metadata,title");
    expect(Object.keys(cut.body).sort()).toEqual(["id", "metadata", "title", "version"]);
    expect(cut.headers.get("etag")).toBe('"1"');
    expect((await read("fields=title&render=html")).body.html).toContain("<em>x</em>");
    // What comes along changes without the lesson: no ETag says that it has not.
    const along = await read("include=ratings,commentCount", { "if-none-match": '"1"' });
    expect([along.status, along.headers.get("etag")]).toEqual([200, null]);
    expect((await read("fields=title", { "if-none-match": '"1"' })).status).toBe(304);
  });

  test("what comes along is that of each lesson, and null or nothing where there is none [row 67]", async () => {
    const lesson = await it.published(teacher.token);
    const token = pupil.token;
    const rated = await request("PUT", `/v1/contents/${lesson.id}/rating`, {
      token,
      body: { stars: 4 },
      headers: { "if-match": "*" },
    });
    expect([200, 201]).toContain(rated.status);
    const said = await request("POST", `/v1/contents/${lesson.id}/comments`, {
      token,
      body: { body: "Why?" },
    });
    expect(said.status).toBe(201);
    const author = { id: teacher.user.id, fullName: "A teacher", avatarUrl: null };
    const ratings = { average: 4, count: 1, distribution: [0, 0, 0, 1, 0] };
    const along = { author, ratings, commentCount: 1, attachments: [] };
    const include = "include=author,ratings,commentCount,attachments&fields=title";
    for (const who of [teacher, pupil]) {
      const { body } = await get(`slug=${lesson.slug}&${include}`, who.token);
      expect(body.items).toEqual([
        { id: lesson.id, version: expect.any(Number), title: expect.any(String), ...along },
      ]);
      const read = await request("GET", `/v1/contents/${lesson.id}?${include}`, { token: who.token });
      expect(read.body).toMatchObject(along);
    }
    const { body } = await get(`hasAuthor=false&limit=2&${include}`, teacher.token);
    for (const item of body.items) {
      expect(item).toMatchObject({
        author: null,
        ratings: { average: null, count: 0, distribution: [0, 0, 0, 0, 0] },
        commentCount: 0,
        attachments: [],
      });
    }
  });

  test("a rating is seen at once, though the lesson itself comes from the cache [row 84]", async () => {
    const lesson = await it.published(teacher.token);
    const average = async () =>
      (
        await request<{ ratings: { average: number | null } }>(
          "GET",
          `/v1/contents/${lesson.id}?include=ratings`,
          { token: pupil.token },
        )
      ).body.ratings.average;
    expect(await average()).toBeNull();
    for (const stars of [2, 5]) {
      await request("PUT", `/v1/contents/${lesson.id}/rating`, {
        token: pupil.token,
        body: { stars },
        headers: { "if-match": "*" },
      });
      expect(await average()).toBe(stars);
    }
  });

  test("the total is told where it is asked for, of all pages, and of what the asker may see [row 63]", async () => {
    expect((await get("limit=1", teacher.token)).body).not.toHaveProperty("total");
    for (const [query, condition] of FILTERS) {
      const ids = await expected("content", `deleted_at is null and (${condition})`, "title");
      const asked = await get(`limit=1&total=true&${query}`, teacher.token);
      expect([query, asked.body.total]).toEqual([query, ids.length]);
    }
    const published = await expected("publication", "deleted_at is null", "title");
    expect((await get("limit=1&total=true", pupil.token)).body.total).toBe(published.length);
    expect((await get("limit=1&total=true&status=draft", pupil.token)).body.total).toBe(0);
  });

  test("what is not known is refused: filter, order, field, what comes along, and values [row 64] [row 108]", async () => {
    for (const query of [
      "author=x",
      "createdAt=2026-01-01T00:00:00Z",
      "order=body",
      "order=createdAt,title",
      "order=",
      "fields=body",
      "fields=password",
      "fields=",
      "fields=title,title",
      "fields=title,",
      "include=editor",
      "include=",
      "include=author,author",
      "total=1",
      "status=draft,gone",
      "status=",
      "createdById=me",
      "hasAuthor=maybe",
      "createdFrom=yesterday",
      "allTags=",
      "sourceId=",
    ]) {
      expect([query, (await get(query, teacher.token)).status]).toEqual([query, 422]);
    }
    const lesson = await it.content(teacher.token);
    for (const query of ["fields=secret", "include=secret", "fields=", "view=draft"]) {
      const { status } = await request("GET", `/v1/contents/${lesson.id}?${query}`, { token: teacher.token });
      expect([query, status]).toEqual([query, 422]);
    }
  });
});

describe("drafts", () => {
  test("are shown to no pupil, by no filter, order, field, inclusion or total [row 55]", async () => {
    const secret = await admin<{ id: string }>(
      `select content_id as id from app.content c where organization_id = $1 and not exists (
         select from app.publication p where p.organization_id = $1 and p.content_id = c.content_id and p.deleted_at is null)`,
      [school.id],
    );
    const hidden = new Set(secret.map(({ id }) => id));
    expect(hidden.size).toBeGreaterThan(20);
    const asked = [
      ...FILTERS.map(([query]) => query),
      ...CONTENT_ORDERS.map((order) => `order=${order}`),
      "fields=status,title,tags,version",
      "include=author,ratings,commentCount,attachments",
      "status=draft,pending_review,approved,rejected,archived",
      "slug=lesson-5",
    ];
    for (const query of asked) {
      const { body } = await get(`limit=100&total=true&${query}`, pupil.token);
      const text = JSON.stringify(body);
      expect([query, body.items.filter(({ id }) => hidden.has(id))]).toEqual([query, []]);
      expect([query, text.includes("Secret draft"), text.includes("hidden")]).toEqual([query, false, false]);
      expect([query, body.total]).toEqual([query, body.items.length]);
    }
    // By name and by tag neither: it is the published text that is looked through.
    expect((await get("tag=hidden", pupil.token)).body.items).toEqual([]);
    expect((await get("difficultyLevel=advanced&total=true", pupil.token)).body.total).toBe(0);
  });

  test("are not in a read lesson of which another text is live", async () => {
    const [changed] = await admin<{ id: string }>(
      "select content_id as id from app.content where organization_id = $1 and 'hidden' = any(tags) and deleted_at is null limit 1",
      [school.id],
    );
    for (const query of ["", "?fields=title", "?include=author", "?view=working"]) {
      const path = `/v1/contents/${changed?.id}${query}`;
      const { status, body } = await request("GET", path, { token: pupil.token });
      expect([status, String(body.title).includes("Secret draft")]).toEqual([200, false]);
    }
  });
});

test("what lists are made of follows whatever is done to lessons, by the doors and by hand", async () => {
  const lesson = await it.published(teacher.token, { tags: ["one", "two", "two"] });
  const path = `/v1/contents/${lesson.id}`;
  const act = async (method: string, to: string, body?: unknown) => {
    const headers = { "if-match": "*" };
    const answer = await request(method, `${path}${to}`, { token: teacher.token, headers, body });
    expect(answer.status).toBeLessThan(300);
    expect(await unlisted(admin)).toEqual([]);
  };
  expect(await unlisted(admin)).toEqual([]);
  await act("PATCH", "", { title: "Other", tags: ["two", "three"], contentType: "quiz", sourceId: "s-x" });
  await act("POST", "/publish");
  await act("PATCH", "", { tags: [], slug: "quite-another" });
  await act("POST", "/unpublish");
  await act("POST", "/publish");
  await act("DELETE", "");
  await act("POST", "/restore");
  await admin(
    "update app.content set title = title || '!', created_by_id = null where organization_id = $1",
    [school.id],
  );
  expect(await unlisted(admin)).toEqual([]);
  await admin("delete from app.content where content_id = $1", [lesson.id]);
  expect(await unlisted(admin)).toEqual([]);
});
