/** The list of tags of an organization that has very many: what PostgreSQL does for a page. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import * as rows from "../../src/tags/repository.ts";
import { ownerOf, watched } from "../content-reading/support.ts";
import { domain } from "../support/domain.ts";

const MANY = 10_000;
const PAGE = 21;
/** Tags that only a draft has, and that only a deleted lesson had. */
const [DRAFTS, DELETED] = [2_000, 500];

const app = await domain();
const { it, request } = app;
const owner = ownerOf(app.database.ownerUrl);
afterAll(async () => {
  await owner.end();
  await app.close();
});

const [school, other] = [await it.organization(), await it.organization()];
const name = (kind: string, at: number) => `${kind}-${String(at).padStart(5, "0")}`;

beforeAll(async () => {
  const live = await it.published(school.token);
  const draft = await it.content(school.token);
  const gone = await it.published(school.token);
  const theirs = await it.published(other.token, { tags: ["c-theirs"] });
  await request("DELETE", `/v1/contents/${gone.id}`, { token: school.token, headers: { "if-match": "*" } });
  for (const [id, kind, count, audiences] of [
    [draft.id, "a", DRAFTS, ["staff"]],
    [gone.id, "b", DELETED, ["staff"]],
    [live.id, "c", MANY, ["staff", "readers"]],
    [theirs.id, "d", 100, ["staff", "readers"]],
  ] as const) {
    await owner.unsafe(
      `insert into app.content_listing_tag (organization_id, audience, tag, content_id)
       select $1, audience, $2 || '-' || lpad(i::text, 5, '0'), $3
       from generate_series(1, $4::int) i, unnest($5::text[]) audience`,
      [id === theirs.id ? other.id : school.id, kind, id, count, `{${audiences.join(",")}}`],
    );
  }
  await owner.unsafe("analyze app.content_listing, app.content_listing_tag");
});

async function page(
  staff: boolean,
  {
    after = null,
    prefix = null,
    limit = PAGE,
  }: Partial<Record<"after" | "prefix", string | null>> & {
    readonly limit?: number;
  } = {},
) {
  const { result, done } = await watched(owner, school.id, (tx) =>
    rows.list(tx, school.id, { staff, prefix }, after, limit),
  );
  const [one] = done;
  if (one === undefined || done.length > 1) throw new Error("one statement was expected");
  return { names: result.map((tag) => tag.name), tags: result, ...one };
}

test("a page reads as much as is on it, the first like one in the middle, for staff and for readers [row 56]", async () => {
  for (const [staff, after] of [
    [true, null],
    [true, name("c", 9_000)],
    [false, null],
    [false, name("c", 9_000)],
  ] as const) {
    for (const limit of [1, PAGE]) {
      const { names, read, pages, scanned, plan } = await page(staff, { after, limit });
      const from = after === null ? 1 : 9_001;
      const kind = staff && after === null ? "a" : "c";
      expect(names).toEqual(Array.from({ length: limit }, (_, at) => name(kind, from + at)));
      expect(scanned).not.toContain("content_listing_tag");
      if (read > 20 * limit + 20) throw new Error(`${read} rows\n${plan}`);
      expect(pages).toBeLessThan(50 * limit + 100);
    }
  }
});

test("each tag is on one page, and none that only a deleted lesson or another organization has [row 28] [row 56]", async () => {
  for (const [staff, kinds] of [
    [
      true,
      [
        ["a", DRAFTS],
        ["c", MANY],
      ],
    ],
    [false, [["c", MANY]]],
  ] as const) {
    const found: string[] = [];
    let after: string | null = null;
    do {
      const { names }: { names: readonly string[] } = await page(staff, { after, limit: 4_000 });
      found.push(...names);
      after = names.length < 4_000 ? null : (names.at(-1) ?? null);
    } while (after !== null);
    expect(found).toEqual(
      kinds.flatMap(([kind, count]) => Array.from({ length: count }, (_, at) => name(kind, at + 1))),
    );
  }
});

test("what no live lesson carries is passed over, and a beginning that no tag has costs a look at each", async () => {
  const across = await page(true, { after: name("a", DRAFTS), limit: 1 });
  expect(across.names).toEqual([name("c", 1)]);
  expect(across.read).toBeLessThan(DELETED * 12);
  const counts = await page(true, { after: name("a", DRAFTS - 1), limit: 2 });
  expect(counts.tags).toEqual([
    { name: name("a", DRAFTS), lessons: 1, published: 0 },
    { name: name("c", 1), lessons: 1, published: 1 },
  ]);
  for (const staff of [true, false]) {
    expect((await page(staff, { prefix: "C-0000", limit: 20 })).names).toHaveLength(9);
    const none = await page(staff, { prefix: "zzzz" });
    expect(none.names).toEqual([]);
    expect(none.scanned).not.toContain("content_listing_tag");
    // Two of the index for each tag, and of no lesson.
    expect(none.read).toBeLessThan((MANY + DRAFTS + DELETED) * 2 + 100);
  }
});
