/** The index of words: that it is used, under row-level security, whatever the size of the neighbours. */
import { afterAll, expect, test } from "bun:test";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { domain } from "../support/domain.ts";

const app = await domain();
const { it, request } = app;
const { admin, ownerUrl } = app.database;
const owner = postgres({ ...driverOptions(parseDatabaseUrl(ownerUrl)), max: 1, onnotice: () => {} });
afterAll(async () => {
  await owner.end();
  await app.close();
});

const schools = [
  await it.organization(),
  await it.organization(),
  await it.organization(),
  await it.organization(),
];
const [first] = schools;
if (first === undefined) throw new Error("no organization");
const EACH = 5000;
// Past the triggers: the history of so many lessons is not what is asked here, and would take most of the time.
await owner`set session_replication_role = replica`;
for (const { id } of schools) {
  await owner.unsafe(
    `with made as (
       insert into app.content (organization_id, title, slug, body, language, status, published_at)
       select $1, 'Lesson ' || i, 'lesson-' || i,
         'common ' || case when i % 1000 = 0 then 'rare ' else '' end || 'w' || i % 500 || ' ' || md5(i::text), (array['en', 'es'])[1 + i % 2], 'published', now()
       from generate_series(1, $2::int) i
       returning organization_id, content_id, version, language, body
     )
     insert into app.content_search (organization_id, content_id, version, language, document)
     select organization_id, content_id, version, language, to_tsvector(app.search_configuration(language), body) from made`,
    [id, EACH],
  );
}
await admin("analyze app.content, app.content_search");

test("the words are found by the GIN index as the role that searches, among 20,000 lessons of four organizations [row 26]", async () => {
  const plan = await owner.begin(async (tx) => {
    await tx.unsafe("set local role satchel_search");
    await tx.unsafe("select set_config('app.org_id', $1, true)", [first.id]);
    // The statement of app.search_contents, with the plan that is kept when it is prepared.
    await tx.unsafe("set local plan_cache_mode = force_generic_plan");
    await tx.unsafe(
      `prepare matches (uuid, text, tsquery) as
       select s.content_id, ts_rank_cd('{0.1, 0.2, 0.4, 1.0}', s.document, $3, 1) from app.content_search s
       where s.organization_id = $1 and s.language = $2 and s.document @@ $3`,
    );
    const lines = await tx.unsafe(`explain execute matches ('${first.id}', 'en', 'rare')`);
    await tx.unsafe("deallocate matches");
    return lines.map((line) => Object.values(line)[0]).join("\n");
  });
  expect(plan).toContain("content_search_document");
  expect(plan).not.toContain("Seq Scan");
});

test("and really is, when somebody searches over HTTP [row 26]", async () => {
  const scans = async () =>
    (
      await admin<{ gin: number; sequential: number }>(
        `select (select idx_scan from pg_stat_user_indexes where indexrelname = 'content_search_document')::int as gin,
         (select seq_scan from pg_stat_user_tables where relname = 'content_search')::int as sequential`,
      )
    )[0] ?? { gin: 0, sequential: 0 };
  const before = await scans();
  // A server process tells what it has counted at most once a second.
  do {
    const answer = await request<{ items: readonly unknown[] }>("GET", "/v1/search?q=rare", {
      token: first.token,
    });
    expect(answer.body.items).toHaveLength(5);
  } while ((await scans()).gin === before.gin);
  expect((await scans()).sequential).toBe(before.sequential);
});

test("without the narrow function the policy keeps the index from being used: that is why it is there", async () => {
  const plan = await app.as(
    first.id,
    "explain select content_id from app.content_search where organization_id = app.org() and document @@ 'rare'::tsquery",
  );
  const shown = plan.map((line) => Object.values(line)[0]).join("\n");
  expect(shown).not.toMatch(/content_search_document[^\n]*\n[^\n]*Index Cond: [^\n]*@@/);
});

test("a word of every lesson is answered within the deadline, page by page, and so is the longest of queries", async () => {
  const started = performance.now();
  const common = await request<{ items: readonly unknown[]; nextCursor: string | null }>(
    "GET",
    "/v1/search?q=common&limit=100",
    { token: first.token },
  );
  expect(common.body.items).toHaveLength(100);
  expect(common.body.nextCursor).not.toBeNull();
  const words = Array.from({ length: 80 }, (_, n) => `w${n}`)
    .join(" or ")
    .slice(0, 500);
  expect(
    (await request("GET", `/v1/search?q=${encodeURIComponent(words)}`, { token: first.token })).status,
  ).toBe(200);
  expect(
    (await request("GET", `/v1/search?q=${encodeURIComponent("-rare")}`, { token: first.token })).status,
  ).toBe(200);
  expect(performance.now() - started).toBeLessThan(10_000);
});

test("a hundred of the longest lessons on one page are answered within the deadline [row 25]", async () => {
  const house = await it.organization();
  await owner.unsafe(
    `with made as (
       insert into app.content (organization_id, title, slug, body, language, status, published_at)
       select $1, 'Long ' || i, 'long-' || i, 'walrus ' || repeat('some words of an ordinary length and then more of them, ', 2000), 'en', 'published', now()
       from generate_series(1, 100) i
       returning organization_id, content_id, version, language, body
     )
     insert into app.content_search (organization_id, content_id, version, language, document)
     select organization_id, content_id, version, language, to_tsvector('english', body) from made`,
    [house.id],
  );
  const answer = await request<{ items: readonly { readonly snippet: string }[] }>(
    "GET",
    "/v1/search?q=walrus&limit=100",
    { token: house.token },
  );
  expect(answer.status).toBe(200);
  expect(answer.body.items).toHaveLength(100);
  for (const { snippet } of answer.body.items) expect(snippet).toContain("<mark>walrus</mark>");
});
