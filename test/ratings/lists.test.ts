/** Reviews of a lesson, page by page, in either order, and what PostgreSQL does for them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { domain } from "../support/domain.ts";
import { crowd, type Rating, ratingsOf } from "./support.ts";

const statements: string[] = [];
const app = await domain({ db: { onStatement: (name) => statements.push(name) } });
const { it, request } = app;
const { admin, ownerUrl } = app.database;
const { list, rate, hidden } = ratingsOf(app);
const owner = postgres({ ...driverOptions(parseDatabaseUrl(ownerUrl)), max: 1, onnotice: () => {} });
afterAll(async () => {
  await owner.end();
  await app.close();
});

const [school, other] = [await it.organization(), await it.organization()];
const [lesson, neighbour, theirs] = [
  await it.published(school.token),
  await it.published(school.token),
  await it.published(other.token),
];
const pupil = await it.member(school);

/** Ratings straight into the table, past the history: a third without a review, some withdrawn, some hidden. */
async function rated(organizationId: string, contentId: string, size: number): Promise<void> {
  const people = await crowd(app, organizationId, size);
  await owner.begin(async (tx) => {
    await tx.unsafe("set local session_replication_role = replica");
    await tx.unsafe(
      `insert into app.rating
         (organization_id, content_id, user_id, stars, review, helpful_count, hidden_at, deleted_at, deletion_id)
       select $1, $2, id, 1 + i % 5, case when i % 3 > 0 then 'Review ' || i end, i * 7 % 50,
         case when i % 20 = 1 then now() end, case when i % 10 = 5 then now() end,
         case when i % 10 = 5 then app.uuidv7() end
       from unnest($3::uuid[]) with ordinality as p (id, i) order by i`,
      [organizationId, contentId, people.map(({ id }) => id)],
    );
  });
}
await rated(school.id, lesson.id, 120);
await rated(school.id, neighbour.id, 20);
await rated(other.id, theirs.id, 20);

async function all(query: string, limit: number, token: string): Promise<readonly Rating[]> {
  const items: Rating[] = [];
  let cursor: string | null = null;
  do {
    const more: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await list(token, lesson.id, `?limit=${limit}${query}${more}`);
    expect(answer.status).toBe(200);
    items.push(...answer.body.items);
    cursor = answer.body.nextCursor;
  } while (cursor !== null);
  return items;
}
const expected = async (condition: string, order: string) =>
  (
    await admin<{ id: string }>(
      `select rating_id as id from app.rating
       where content_id = $1 and deleted_at is null and review is not null and ${condition} order by ${order}`,
      [lesson.id],
    )
  ).map(({ id }) => id);

describe("pages", () => {
  test.each([
    ["", "rating_id desc"],
    ["&order=newest", "rating_id desc"],
    ["&order=helpful", "helpful_count desc, rating_id desc"],
  ])("?%s cover every review once, and show what is hidden to staff alone [row 56]", async (query, order) => {
    for (const [token, condition] of [
      [pupil.token, "hidden_at is null"],
      [school.token, "true"],
    ] as const) {
      const ids = await expected(condition, order);
      expect(ids.length).toBeGreaterThan(60);
      for (const limit of [1, 7, 100]) {
        expect((await all(query, limit, token)).map(({ id }) => id)).toEqual(ids);
      }
    }
  });

  test("what is written while somebody pages shifts nothing [row 56]", async () => {
    const ids = await expected("hidden_at is null", "rating_id desc");
    const first = await list(pupil.token, lesson.id, "?limit=10");
    const { body } = await rate(pupil.token, lesson.id, 5, "Just now.");
    const next = await list(pupil.token, lesson.id, `?limit=10&cursor=${first.body.nextCursor}`);
    expect(next.body.items.map(({ id }) => id)).toEqual(ids.slice(10, 20));
    expect((await list(pupil.token, lesson.id, "?limit=1")).body.items.map(({ id }) => id)).toEqual([
      body.id,
    ]);
    await hidden(school.token, body.id);
  });

  test("an unknown order, field, thing to include or parameter is refused, and a cursor of another list [row 64]", async () => {
    const { nextCursor } = (await list(pupil.token, lesson.id, "?limit=1")).body;
    for (const query of ["order=stars", "fields=hash", "include=votes", "stars=5", "cursor=x", "limit=0"]) {
      expect((await list(pupil.token, lesson.id, `?${query}`)).status).toBe(422);
    }
    expect((await list(pupil.token, lesson.id, `?order=helpful&cursor=${nextCursor}`)).status).toBe(422);
    expect((await list(pupil.token, neighbour.id, `?cursor=${nextCursor}`)).status).toBe(422);
  });

  test("fields and authors come along when asked for, in queries that do not grow with the page [row 67] [row 108]", async () => {
    const count = async (query: string) => {
      statements.length = 0;
      await list(pupil.token, lesson.id, query);
      return statements.filter((name) => /^(ratings|users|contents)\//.test(name)).length;
    };
    for (const more of ["", "&include=author", "&order=helpful&include=author"]) {
      expect(await count(`?limit=50${more}`)).toBe(await count(`?limit=1${more}`));
    }
    expect(await count("?limit=50&include=author")).toBe((await count("?limit=50")) + 1);
    const answer = await list(pupil.token, lesson.id, "?limit=3&fields=stars&include=author");
    for (const item of answer.body.items) {
      expect(Object.keys(item).sort()).toEqual(["author", "id", "stars"]);
      expect(item).toMatchObject({ author: { fullName: "One of many", avatarUrl: null } });
    }
  });

  test("of an author who is gone there is the rating and no name", async () => {
    const { id } = await it.published(school.token);
    const leaver = await it.member(school);
    await rate(leaver.token, id, 3, "Goodbye.");
    await request("DELETE", `/v1/users/${leaver.user.id}`, { token: school.token });
    const { body } = await list(pupil.token, id, "?include=author");
    expect(body.items).toMatchObject([{ review: "Goodbye.", author: null }]);
  });
});

describe("of 30,000 ratings, 20,000 of one lesson", () => {
  const MANY = 20_000;
  let id = "";
  beforeAll(async () => {
    id = (await it.published(school.token)).id;
    await owner.begin(async (tx) => {
      await tx.unsafe("set local session_replication_role = replica");
      for (const [organization, content, size] of [
        [school.id, id, MANY],
        [school.id, neighbour.id, 5000],
        [other.id, theirs.id, 5000],
      ] as const) {
        await tx.unsafe(
          `with made as (
             insert into app.user (organization_id, username, full_name)
             select $1, 'many-' || right($2::text, 12) || '-' || i, 'One of very many'
             from generate_series(1, $3::int) i
             returning user_id
           )
           insert into app.rating (organization_id, content_id, user_id, stars, review, helpful_count)
           select $1, $2::text::uuid, user_id, 1 + i % 5, 'Review ' || i, i * 7 % 500
           from (select user_id, row_number() over () as i from made) m`,
          [organization, content, size],
        );
      }
    });
    await admin("vacuum analyze app.rating");
  });

  /** What a query file does as the request role, and the most rows any step of it passes over. */
  async function explain(file: string, values: Readonly<Record<string, string>>) {
    const text = readFileSync(join(import.meta.dir, `../../sql/queries/ratings/${file}.sql`), "utf8");
    const all: Readonly<Record<string, string>> = {
      organization_id: `'${school.id}'::uuid`,
      reader_id: `'${pupil.user.id}'::uuid`,
      hidden_too: "false",
      limit: "21",
      ...values,
    };
    const query = text
      .replace(/^--.*$/gm, "")
      .replace(/(?<!:):([a-z_]+)/g, (_, name: string) => all[name] ?? "null");
    return owner.begin(async (tx) => {
      await tx.unsafe("set local role satchel_request");
      await tx.unsafe(`select app.enter('${school.id}', null)`);
      const lines = await tx.unsafe(`explain (analyze, timing off, buffers) ${query}`);
      const plan = lines.map((line) => Object.values(line)[0]).join("\n");
      const read = Math.max(...[...plan.matchAll(/actual rows=(\d+)/g)].map(([, rows]) => Number(rows)));
      return { plan, read };
    });
  }

  test.each([
    ["list_newest", "rating_newest"],
    ["list_most_helpful", "rating_most_helpful"],
  ])(
    "%s reads a page by an index and sorts nothing, the last page as the first [row 26] [row 56]",
    async (file, index) => {
      const [deep] = await admin<{ id: string; count: number }>(
        `select rating_id as id, helpful_count as count from app.rating where content_id = $1
       order by ${file === "list_newest" ? "rating_id" : "helpful_count, rating_id"} offset 25 limit 1`,
        [id],
      );
      const first = await explain(file, { content_id: `'${id}'::uuid` });
      const last = await explain(file, {
        content_id: `'${id}'::uuid`,
        before_id: `'${deep?.id}'::uuid`,
        before_count: String(deep?.count),
      });
      for (const { plan, read } of [first, last]) {
        expect(plan).toContain(`using ${index} on rating`);
        expect(plan).not.toContain("Sort");
        expect(read).toBe(21);
        expect(plan).not.toMatch(/Rows Removed by Filter: \d{2,}/);
      }
    },
  );

  test("the sums of a lesson are counted from the index alone [row 37]", async () => {
    const { plan } = await explain("list_sums", { content_ids: `array['${id}']::uuid[]` });
    expect(plan).toContain("Index Only Scan using rating_stars on rating");
  });
});
